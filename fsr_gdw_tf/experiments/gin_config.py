"""Reading gin files: where they are found, and errors people can act on."""

import re
from collections.abc import Sequence
from pathlib import Path

import gin

from fsr_gdw_tf.errors import InvalidInput, suggest_names

PACKAGE = Path(__file__).parent.parent


def roots() -> list[Path]:
    """Folders that hold gin/: the current one, the checkout, the package."""
    return [Path.cwd(), PACKAGE.parent, PACKAGE]


def find(name: str) -> str:
    """The path of a gin file, looked up like its includes are."""
    for root in ("", *roots()):
        if (Path(root) / name).is_file():
            return str(Path(root) / name)
    folder = Path(name).parent if Path(name).parent.name else "gin"
    known = {
        f"{folder}/{p.name}" for r in roots() for p in r.glob(f"{folder}/*.gin")
    }
    raise InvalidInput(f"no gin file {name!r}: {suggest_names(name, known)}")


def parse(files: Sequence[str], params: Sequence[str] = ()) -> None:
    """Read gin files, then single bindings, into an empty configuration."""
    if not files:
        raise InvalidInput("no configuration: pass --gin_file=gin/digits.gin")
    gin.clear_config()
    for root in roots():
        gin.add_config_file_search_path(str(root))
    paths = [find(f) for f in files]
    with _one_line_errors():
        gin.parse_config_files_and_bindings(
            paths, [], finalize_config=False, print_includes_and_imports=False
        )
    known = macros()
    for param in params:
        name = param.partition("=")[0].strip()
        if "=" not in param:
            raise InvalidInput(f"--gin_param takes NAME=VALUE, got {param!r}")
        if "." not in name and name not in known:
            raise InvalidInput(
                f"no setting {name!r}: {suggest_names(name, known)}"
            )
        with _one_line_errors(f" in --gin_param={param!r}; text needs quotes"):
            gin.parse_config(param)
    _check_macros()


def _check_macros() -> None:
    used = set(re.findall(r"(?<=[ \[(,:])%(\w+)", config_string()))
    for name in sorted(used - macros()):
        require(name)
        raise InvalidInput(
            f"no setting {name!r}: {suggest_names(name, macros())}"
        )


def macros() -> set[str]:
    """The public knobs: names in capitals that the gin files define."""
    return set(re.findall(r"^(\w+) = ", gin.config_str(), re.MULTILINE))


def require(macro: str) -> None:
    """Refuse files that are parts of a recipe and no recipe."""
    if "EPOCHS" not in macros():
        raise InvalidInput(
            f"the configuration sets no {macro}: a run file includes "
            "'gin/base.gin', parts come after it"
        )


def value(macro: str):
    """What a knob is set to."""
    require(macro)
    return gin.query_parameter(f"%{macro}")


class _one_line_errors:  # noqa: N801  reads as the statement it is
    """Turn gin's errors into `InvalidInput` with near matches."""

    def __init__(self, where: str = ""):
        self.where = where

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error is None or isinstance(error, InvalidInput):
            return
        if isinstance(error, (ValueError, SyntaxError, OSError)):
            raise InvalidInput(_explain(str(error)) + self.where) from error


def _explain(message: str) -> str:
    first = message.strip().splitlines()[0]
    where = re.search(
        r'In (?:file|bindings string) "?([^\n"]*)"?, line (\d+)', message
    )
    where = f" ({where[1]}, line {where[2]})" if where else ""
    unknown = re.search(
        r"No configurable matching (?:reference )?'@?([\w./]+)", message
    )
    if unknown:
        name = unknown[1].split("/")[-1]
        known = suggest_names(name, _registered())
        return f"gin knows no {name!r}: {known}{where}"
    parameter = re.search(
        r"Configurable [\"']([\w.]+)[\"'] doesn't have a parameter named "
        r"[\"'](\w+)[\"']",
        message,
    )
    if parameter:
        owner, name = parameter.groups()
        known = suggest_names(name, _parameters(owner))
        return f"{owner} has no parameter {name!r}: {known}{where}"
    return f"gin: {first}{where}"


def _registered() -> set[str]:
    names = {c.name for _, c in gin.config._REGISTRY.items()}
    return names - {"macro", "constant", "singleton"}


def _parameters(owner: str) -> list[str]:
    import inspect

    found = gin.config._REGISTRY.get_match(owner)
    return list(inspect.signature(found.wrapped).parameters)


def config_string() -> str:
    """The whole configuration, always in the same order."""
    return gin.config_str()


def instantiate(registered):
    """Call something registered with the arguments that gin has for it."""
    try:
        return gin.get_configurable(registered)()
    except InvalidInput:
        raise
    except (TypeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InvalidInput(
            f"the configuration cannot be used: {reason}"
        ) from error
