"""Find and parse gin files, and explain errors in one line."""

import contextlib
import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import gin

from fsr_gdw_tf.errors import InvalidInput, suggest_names

PACKAGE = Path(__file__).parent.parent
T = TypeVar("T")


def search_folders() -> list[Path]:
    """Return the folders that hold gin/: current, checkout and package."""
    return [Path.cwd(), PACKAGE.parent, PACKAGE]


def find_file(name: str) -> str:
    """Return the path of a gin file, looked up like its includes are."""
    for root in ("", *search_folders()):
        if (Path(root) / name).is_file():
            return str(Path(root) / name)
    folder = Path(name).parent if Path(name).parent.name else "gin"
    names = {
        f"{folder}/{path.name}"
        for root in search_folders()
        for path in root.glob(f"{folder}/*.gin")
    }
    raise InvalidInput(f"no gin file {name!r}: {suggest_names(name, names)}")


def parse(files: Sequence[str], params: Sequence[str] = ()) -> None:
    """Parse gin files, then bindings, into an empty configuration."""
    if not files:
        raise InvalidInput("no configuration: pass --gin_file=gin/digits.gin")
    gin.clear_config()
    for root in search_folders():
        gin.add_config_file_search_path(str(root))
    paths = [find_file(name) for name in files]
    with _one_line_errors():
        gin.parse_config_files_and_bindings(
            paths, [], finalize_config=False, print_includes_and_imports=False
        )
    known_macros = macros()
    for param in params:
        _parse_param(param, known_macros)
    _check_macros()


def _parse_param(param: str, known_macros: set[str]) -> None:
    """Parse a binding of the command line."""
    name = param.partition("=")[0].strip()
    if "=" not in param:
        raise InvalidInput(f"--gin_param must be NAME=VALUE, got {param!r}")
    if "." not in name and name not in known_macros:
        raise InvalidInput(
            f"no setting {name!r}: {suggest_names(name, known_macros)}"
        )
    with _one_line_errors(f" in --gin_param={param!r}; strings need quotes"):
        gin.parse_config(param)


def _check_macros() -> None:
    """Raise if a macro is used and not defined."""
    used = set(re.findall(r"(?<=[ \[(,:])%(\w+)", config_string()))
    for name in sorted(used - macros()):
        require(name)
        raise InvalidInput(
            f"no setting {name!r}: {suggest_names(name, macros())}"
        )


def macros() -> set[str]:
    """Return the macros of the gin files: the settings in capitals."""
    return set(re.findall(r"^(\w+) = ", gin.config_str(), re.MULTILINE))


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
    except (ValueError, SyntaxError, OSError) as error:
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
    return f"gin: {message.strip().splitlines()[0]}{place}"


def _registered_names() -> set[str]:
    names = {c.name for _, c in gin.config._REGISTRY.items()}
    return names - {"macro", "constant", "singleton"}


def _parameter_names(owner: str) -> list[str]:
    match = gin.config._REGISTRY.get_match(owner)
    return list(inspect.signature(match.wrapped).parameters)


def config_string() -> str:
    """Return the whole configuration, sorted."""
    return gin.config_str()


def instantiate(registered: Callable[..., T]) -> T:
    """Call a registered class or function with the arguments bound by gin."""
    try:
        return gin.get_configurable(registered)()
    except InvalidInput:
        raise
    except (TypeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InvalidInput(f"invalid configuration: {reason}") from error
