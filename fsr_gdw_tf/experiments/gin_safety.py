"""Refuse gin files that would run code of others, before gin parses them.

gin imports the modules that a file names, and with its dynamic registration
calls anything in them: a file with two more lines is a program. Here the files
are read by gin's own parser, without resolving a name.
"""

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import gin
from gin import config_parser

from fsr_gdw_tf.errors import InvalidInput

PACKAGE = "fsr_gdw_tf"
# Who wrote what gin knows; keras: the schedules that optimizers.py registers.
KNOWN_AUTHORS = {PACKAGE, "keras", "gin"}
MAX_SAVED_BYTES = 2**20  # of the config.gin of a run; real ones have 5 kB


class _Names(config_parser.ParserDelegate):
    """Collects the names that values refer to, and resolves none."""

    def __init__(self):
        self.names = []

    def configurable_reference(self, scoped_configurable_name, evaluate):
        """Store the name without its scopes."""
        self.names.append(scoped_configurable_name.split("/")[-1])

    def macro(self, macro_name):
        """Ignore a macro: its value is a statement of its own."""


def require_own_imports(
    name: str, find: Callable[[str], str], above: tuple[str, ...] = ()
) -> None:
    """Raise if a gin file, or one it includes, imports foreign modules.

    find: returns the path of a file or an included file.
    above: the paths of the files that include this one.
    """
    path = os.path.realpath(find(name))
    if path in above:
        raise InvalidInput(f"{path} includes itself; remove the include")
    text = Path(path).read_text(encoding="utf-8")
    for statement in _statements(text, _Names()):
        _require_own_import(statement, name)
        if isinstance(statement, config_parser.IncludeStatement):
            require_own_imports(statement.filename, find, (*above, path))


def require_own_imports_in_binding(binding: str) -> None:
    """Raise if a binding of the command line imports foreign modules."""
    for statement in _statements(binding, _Names()):
        _require_own_import(statement, "--gin_param")
        if isinstance(statement, config_parser.IncludeStatement):
            raise InvalidInput(
                "--gin_param sets a value and got an include; pass the file "
                "as --gin_file"
            )


def read_saved(path: Path) -> str:
    """Return the text of a run's config.gin; raise unless it is plain data.

    The folder may come from others: nothing is imported, nothing is included,
    and all that is referred to is registered by this package.
    """
    with path.open("rb") as file:
        content = file.read(MAX_SAVED_BYTES + 1)
    if len(content) > MAX_SAVED_BYTES:
        raise InvalidInput(
            f"expected the config.gin of a run, got {path} of more than "
            f"{MAX_SAVED_BYTES:,} bytes; nothing of it was run"
        )
    text = content.decode("utf-8")
    found = _Names()
    for statement in _statements(text, found):
        if isinstance(statement, config_parser.ImportStatement):
            raise _not_data(path, f"imports {statement.module}")
        if isinstance(statement, config_parser.IncludeStatement):
            raise _not_data(path, f"includes {statement.filename}")
        # A binding without an argument is a macro.
        if getattr(statement, "arg_name", None) != "":
            found.names.append(statement.selector)
    for name in found.names:
        if not _is_known(name):
            raise _not_data(path, f"refers to {name}")
    return text


def _not_data(path: Path, what: str) -> InvalidInput:
    return InvalidInput(
        f"{path} {what}, and the configuration of a run may use only what "
        f"{PACKAGE} registers; nothing of it was run. If the run is yours, "
        "pass its gin files: python -m fsr_gdw_tf.main --mode=report "
        "--allow_imports --gin_file=..."
    )


def _require_own_import(statement: object, where: str) -> None:
    """Raise if a statement imports a module that is not of this package."""
    if not isinstance(statement, config_parser.ImportStatement):
        return
    if statement.module.split(".")[0] != PACKAGE:
        raise InvalidInput(
            f"{where}, line {statement.location.line_num}: "
            f"{statement.format()!r} runs code that is not of {PACKAGE}; if "
            "you trust it, pass --allow_imports"
        )


def _is_known(name: str) -> bool:
    """Return whether gin knows a name, and from this package."""
    try:
        match = gin.config._REGISTRY.get_match(name)
    except KeyError:  # several match
        return False
    author = match and match.wrapped.__module__.split(".")[0]
    return author in KNOWN_AUTHORS


def _statements(text: str, names: _Names) -> Iterator[object]:
    return iter(config_parser.ConfigParser(io.StringIO(text), names))
