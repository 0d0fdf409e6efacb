"""The exception for invalid input, and checks that raise it."""

import difflib
from collections.abc import Iterable
from numbers import Integral, Real

INF = float("inf")
MAX_WHOLE = 2**31 - 1  # counts and seeds are kept in 32 bits


class InvalidInput(ValueError):  # noqa: N818  reads better where it is raised
    """Invalid input of the user; the message is one line without traceback."""


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
