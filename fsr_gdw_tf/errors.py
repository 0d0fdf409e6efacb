"""The exception for invalid input, and checks that raise it."""

import difflib
import inspect
import types
import typing
from collections.abc import Iterable, Mapping
from numbers import Integral, Real

INF = float("inf")
MAX_WHOLE = 2**31 - 1  # counts and seeds are kept in 32 bits


def printable(text: str) -> str:
    """Return a text whose control characters are written as escapes.

    Names in errors may come from others, and terminals obey such characters.
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


class InvalidInput(ValueError):  # noqa: N818  reads better where it is raised
    """Invalid input of the user; the message is one line without traceback."""

    def __init__(self, message: str):
        super().__init__(printable(message))  # names can have line breaks


class StageFailed(InvalidInput):
    """A stage of a recipe, after the first, cannot go on with its inputs.

    These are results of earlier stages: no check before training can find it.
    """


class Diverged(RuntimeError):  # noqa: N818  as above
    """Training has diverged; the message says, in one line, what to do."""


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or else its name."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def suggest_names(name: str, valid_names: Iterable[str]) -> str:
    """Return a hint for an unknown name: similar names, or else all names."""
    valid_names = sorted(valid_names)
    similar = difflib.get_close_matches(str(name), valid_names, n=3, cutoff=0.6)
    if similar:
        return "did you mean " + " or ".join(map(repr, similar)) + "?"
    return "choose one of: " + ", ".join(valid_names)


def require_range(low: float, high: float, **values: float) -> None:
    """Raise unless all values are in [low, high); keywords name them."""
    for name, value in values.items():
        if not isinstance(value, Real) or isinstance(value, bool):
            raise InvalidInput(f"{name} must be a number, got {value!r}")
        if not low <= value < high:
            span = f"{low} or more" if high == INF else f"in [{low}, {high})"
            raise InvalidInput(f"{name} must be {span}, got {value}")


def require_whole(low: int, **values: int) -> None:
    """Raise unless all are whole numbers of `low` or more; keywords name them.

    True and False are none.
    """
    for name, value in values.items():
        if not isinstance(value, Integral) or isinstance(value, bool):
            raise InvalidInput(f"{name} must be a whole number, got {value!r}")
        if value < low:
            raise InvalidInput(f"{name} must be {low} or more, got {value}")
        if value > MAX_WHOLE:
            raise InvalidInput(
                f"{name} must be at most {MAX_WHOLE}, got {value}"
            )


BASIC = {
    float: "a number",
    int: "a whole number",
    bool: "True or False",
    str: "a text",
    types.NoneType: "None",
}
# Values of these types are judged; objects are judged where they are used.
PLAIN = (*BASIC, complex, bytes, list, tuple, dict, set)


def require_annotated(owner: type, arguments: Mapping[str, object]) -> None:
    """Raise unless arguments have the types that a class annotates.

    Parameters are looked for in the class and its bases.
    """
    annotated = {}
    for base in reversed(owner.__mro__[:-1]):
        if "__init__" in vars(base):
            parameters = inspect.signature(base.__init__).parameters
            annotated |= {n: p.annotation for n, p in parameters.items()}
    for name, value in arguments.items():
        options = _options(annotated.get(name, inspect.Parameter.empty))
        if type(value) in PLAIN and not _fits(value, options):
            words = [BASIC.get(o) or o.__name__ for o in options]
            raise InvalidInput(
                f"{name} must be {' or '.join(words)}, got {value!r}"
            )


def _options(annotation: object) -> tuple:
    """Return the types of an annotation: of `int | None` both."""
    if isinstance(annotation, types.UnionType):
        return tuple(o for part in annotation.__args__ for o in _options(part))
    return (annotation,)


def _fits(value: object, options: tuple) -> bool:
    """Return whether a plain value is of one of the types; True is no number.

    Whatever is no class fits: the elements of lists are judged where they are
    used.
    """
    if not all(isinstance(option, type) for option in options):
        return True
    if any(typing.get_origin(option) for option in options):
        return True
    whole = type(value) is int and float in options
    return whole or type(value) in options
