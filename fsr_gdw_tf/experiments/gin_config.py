"""Find and parse gin files, and explain errors in one line."""

import contextlib
import functools
import inspect
import re
import tokenize
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import gin

from fsr_gdw_tf.errors import InvalidInput, first_line, suggest_names
from fsr_gdw_tf.experiments import gin_safety, settings

PACKAGE = Path(__file__).parent.parent
T = TypeVar("T")
PASSED_ON = {"self", "args", "kwargs"}
# What gin raises for a file: KeyError for an ambiguous name, RecursionError for
# brackets or macros without end.
GIN_ERRORS = (
    ImportError,
    KeyError,
    OSError,
    RecursionError,
    SyntaxError,
    ValueError,
    tokenize.TokenError,
)


def search_folders() -> list[Path]:
    """Return the folders that hold gin/: current, checkout and package."""
    return [Path.cwd(), PACKAGE.parent, PACKAGE]


def find_file(name: str) -> str:
    """Return the path of a gin file, looked up like its includes are."""
    for root in ("", *search_folders()):
        if (Path(root) / name).is_file():
            return str(Path(root) / name)
    if (Path.cwd() / name).is_dir():
        raise InvalidInput(f"expected a gin file, got the folder {name}")
    folder = Path(name).parent
    if folder.is_absolute() or not folder.name:
        folder = "gin"
    names = {
        f"{folder}/{path.name}"
        for root in search_folders()
        for path in root.glob(f"{folder}/*.gin")
    }
    raise InvalidInput(f"no gin file {name!r}: {suggest_names(name, names)}")


def parse(
    files: Sequence[str],
    params: Sequence[str] = (),
    allow_imports: bool = False,
) -> None:
    """Parse gin files, then bindings, into an empty configuration.

    allow_imports: let them import modules that are not of this package.
    """
    if not files:
        raise InvalidInput("no configuration: pass --gin_file=gin/digits.gin")
    gin.clear_config()
    # Those of an earlier call may differ: they start at the current folder.
    gin.config._LOCATION_PREFIXES[:] = ["", *map(str, search_folders())]
    paths = [find_file(name) for name in files]
    with _one_line_errors():
        if not allow_imports:
            for path in paths:
                gin_safety.require_own_imports(path, find_file)
        gin.parse_config_files_and_bindings(
            paths, [], finalize_config=False, print_includes_and_imports=False
        )
    known_macros = macros()
    for param in params:
        _parse_param(param, known_macros, allow_imports)
    _check_macros()
    settings.check(macros())
    _check_parameters()


def parse_saved(path: Path) -> None:
    """Parse the config.gin of a run folder, which may come from others."""
    gin.clear_config()
    with _one_line_errors(f" in {path}"):
        gin.parse_config(gin_safety.read_saved(path))
        _check_parameters()
    settings.check(macros())


def parse_text(text: str, params: Sequence[str] = ()) -> None:
    """Parse a configuration that was parsed before, then bindings.

    text: what `config_string` returned; its imports have been allowed.
    """
    gin.clear_config()
    with _one_line_errors():
        gin.parse_config(text)
    known_macros = macros()
    for param in params:
        _parse_param(param, known_macros, allow_imports=True)
    settings.check(macros())
    _check_parameters()


def forbid_downloads() -> None:
    """Let the parsed configuration load only data that are here already."""
    bindings = gin.config._CONFIG.items()
    for (scope, selector), _ in list(bindings):
        if selector.endswith(".tfds_images"):
            gin.bind_parameter((scope, selector, "download"), False)
    gin.bind_parameter("tfds_images.download", False)


def _parse_param(
    param: str, known_macros: set[str], allow_imports: bool
) -> None:
    """Parse a binding of the command line."""
    name = param.partition("=")[0].strip()
    if "=" not in param:
        raise InvalidInput(f"--gin_param must be NAME=VALUE, got {param!r}")
    if "." not in name and name not in known_macros:
        raise InvalidInput(
            f"no setting {name!r}: {suggest_names(name, known_macros)}"
        )
    with _one_line_errors(f" in --gin_param={param!r}; strings need quotes"):
        if not allow_imports:
            gin_safety.require_own_imports_in_binding(param)
        gin.parse_config(param)


def _check_macros() -> None:
    """Raise if a macro is used and not defined, or defined by itself."""
    parent = dict(
        re.findall(r"^(\w+) = %(\w+)$", config_string(), re.MULTILINE)
    )
    for name in parent:
        chain = [name]
        while (following := parent.get(chain[-1])) and following not in chain:
            chain.append(following)
        if following:
            circle = " = ".join([*chain, following])
            raise InvalidInput(
                f"settings in a circle: {circle}; set one of them"
            )
    used = set(re.findall(r"(?<=[ \[(,:])%(\w+)", config_string()))
    for name in sorted(used - macros()):
        require(name)
        raise InvalidInput(
            f"no setting {name!r}: {suggest_names(name, macros())}"
        )


def _check_parameters() -> None:
    """Raise if a class and its bases have no parameter of a bound name.

    Gin itself checks only those that take no `**kwargs`.
    """
    for (_, selector), bindings in gin.config._CONFIG.items():
        if not inspect.isclass(_registered(selector)):
            continue
        names = _parameter_names(selector)
        for name in sorted(set(bindings) - names):
            owner = selector.split(".")[-1]
            raise InvalidInput(
                f"{owner} has no parameter {name!r}: "
                f"{suggest_names(name, sorted(names - PASSED_ON))}"
            )


def macros() -> set[str]:
    """Return the macros of the gin files: the settings in capitals."""
    keys = gin.config._CONFIG  # gin.config_str() writes all of it: slow
    return {scope for scope, selector in keys if selector == "gin.macro"}


def require(macro: str) -> None:
    """Raise if no run file was parsed, only parts of one."""
    if "EPOCHS" not in macros():
        raise InvalidInput(
            f"the configuration does not set {macro}; pass a run file, which "
            "includes 'gin/base.gin', before its parts"
        )


def value(macro: str) -> object:
    """Return the value of a macro."""
    require(macro)
    return gin.query_parameter(f"%{macro}")


@contextlib.contextmanager
def _one_line_errors(suffix: str = "") -> Iterator[None]:
    """Turn gin's errors into `InvalidInput` that suggests similar names."""
    try:
        yield
    except InvalidInput:
        raise
    except GIN_ERRORS as error:
        raise InvalidInput(_explain(str(error)) + suffix) from error


def _explain(message: str) -> str:
    """Return one line for an error message of gin, which has many."""
    place = re.search(
        r'In (?:file|bindings string) "?([^\n"]*)"?, line (\d+)', message
    )
    place = f" ({place[1]}, line {place[2]})" if place else ""
    unknown = re.search(
        r"No configurable matching (?:reference )?'@?([\w./]+)", message
    )
    if unknown:
        name = unknown[1].split("/")[-1]
        names = suggest_names(name, _registered_names())
        return f"gin has no {name!r}: {names}{place}"
    parameter = re.search(
        r"Configurable [\"']([\w.]+)[\"'] doesn't have a parameter named "
        r"[\"'](\w+)[\"']",
        message,
    )
    if parameter:
        owner, name = parameter.groups()
        names = suggest_names(name, _parameter_names(owner))
        return f"{owner} has no parameter {name!r}: {names}{place}"
    first = message.strip().splitlines()[:1] or ["cannot be parsed"]
    return f"gin: {first[0]}{place}"


def _registered_names() -> set[str]:
    names = {c.name for _, c in gin.config._REGISTRY.items()}
    return names - {"macro", "constant", "singleton"}


def _registered(name: str) -> Callable:
    """Return what is registered under a name, as it was before."""
    return gin.config._REGISTRY.get_match(name).wrapped


def _parameter_names(owner: str) -> set[str]:
    """Return the parameters of a function, or of a class and its bases."""
    return _parameters(_registered(owner))


@functools.cache
def _parameters(registered: Callable) -> set[str]:
    if not inspect.isclass(registered):
        return {*inspect.signature(registered).parameters}
    inits = (base.__init__ for base in registered.__mro__)
    return {
        name for init in inits for name in inspect.signature(init).parameters
    }


def config_string() -> str:
    """Return the whole configuration, sorted.

    Without imports of this package: its modules are imported anyway, and the
    saved configuration of a run may import nothing.
    """
    own_import = rf"^(import|from) {gin_safety.PACKAGE}\b.*\n+"
    return re.sub(own_import, "", gin.config_str(), flags=re.MULTILINE)


def instantiate(registered: Callable[..., T]) -> T:
    """Call a registered class or function with the arguments bound by gin."""
    try:
        return gin.get_configurable(registered)()
    except InvalidInput:
        raise
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(
            f"invalid configuration: {first_line(error)}"
        ) from error
