"""The one exception for input that cannot be used."""

import difflib
from collections.abc import Iterable

INF = float("inf")


class InvalidInput(ValueError):  # noqa: N818  reads better where it is raised
    """What the user gave cannot be used; the message is one clear line."""


def suggest_names(name: str, known: Iterable[str]) -> str:
    """Say which names exist, the nearest to `name` first."""
    known = sorted(known)
    near = difflib.get_close_matches(str(name), known, n=3, cutoff=0.6)
    if near:
        return "did you mean " + " or ".join(repr(n) for n in near) + "?"
    return "choose one of: " + ", ".join(known)


def require_range(low: float, high: float, **values: float) -> None:
    """Refuse numbers outside [low, high)."""
    for name, value in values.items():
        if not low <= value < high:
            span = f"{low} or more" if high == INF else f"in [{low}, {high})"
            raise InvalidInput(f"{name} must be {span}, got {value}")
