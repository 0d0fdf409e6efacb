"""Names such as `gdw:now:every4:head`: what the benchmarks can measure.

First the method; then, after colons, what is to be different: a scope;
`dictionary`, for a meta batch from there; `bank`, for remembered features of
it; `joint`, for normalising it together with the training batch; `raw`, for FSR
without MixUp and re-labelling, `extras`, for others with them; `now`, for the
meta gradient at the weights of now, without a virtual step, and with it
`every4`, for one in every fourth step; `meta50`, for 50 meta examples per step.
`keras` is stock Keras.
"""

import re
from typing import NamedTuple

from fsr_gdw_tf import methods, regularisers
from fsr_gdw_tf.errors import InvalidInput, suggest_names

METHODS = {
    kind.__name__.lower(): kind
    for kind in (*methods.METHODS, *regularisers.REGULARISERS)
}
KERAS = "keras"
WORDS = ("dictionary", "bank", "joint", "raw", "extras", "now")
NUMBERED = re.compile(r"(every|meta)(\d+)")


class Spec(NamedTuple):
    """Such a name, taken apart."""

    name: str
    words: tuple[str, ...] = ()  # all that follows but the scope
    scope: str = ""
    meta_every: int = 1
    meta_batch: int | None = None  # None: as many as others have

    @property
    def method(self) -> str:
        """All but the scope."""
        return ":".join([self.name, *self.words])

    @property
    def from_dictionary(self) -> bool:
        """Whether the meta batch is drawn from the training set."""
        wanted = {"dictionary", "bank"} & set(self.words)
        return self.name == "fsr" or bool(wanted)

    @property
    def mixed(self) -> bool:
        """Whether MixUp and re-labelling are added to the method."""
        return (self.name == "fsr" and "raw" not in self.words) or (
            "extras" in self.words
        )


def parse(spec: str) -> Spec:
    """What a name says, checked."""
    name, *rest = spec.split(":")
    known = [*METHODS, KERAS]
    if name not in known:
        raise InvalidInput(f"no method {name!r}: {suggest_names(name, known)}")
    words = [w for w in rest if w in WORDS or NUMBERED.fullmatch(w)]
    scopes = [w for w in rest if w not in words]
    if len(scopes) > 1:
        raise InvalidInput(f"{spec} names {len(scopes)} scopes: {scopes}")
    found = [m for m in map(NUMBERED.fullmatch, words) if m]
    numbers = {m[1]: int(m[2]) for m in found}
    if len(numbers) < len(found):
        raise InvalidInput(f"{spec} has two numbers for the same thing")
    told = Spec(
        name,
        tuple(words),
        scopes[0] if scopes else "",
        numbers.get("every", 1),
        numbers.get("meta"),
    )
    require_fit(told)
    return told


def require_fit(spec: Spec) -> None:
    """Refuse words that do not go with the method."""
    name, words, kind = spec.name, spec.words, METHODS.get(spec.name)
    complete = name in (KERAS, "fsr") or issubclass(
        kind, regularisers.Regulariser
    )
    if "extras" in words and complete:
        raise InvalidInput(
            f"{name} takes no 'extras': they go with other methods"
        )
    if name == KERAS or not issubclass(kind, methods.MetaMethod):
        for word in (*words, spec.scope):
            if word not in ("", "extras"):
                raise InvalidInput(
                    f"{name} has no virtual step and so no {word!r}"
                )
    if "raw" in words and name != "fsr":
        raise InvalidInput(f"{name} has no extras: 'raw' goes with fsr")
    if spec.meta_batch is not None and spec.from_dictionary:
        raise InvalidInput(
            f"{name} draws from a dictionary and so has no "
            f"'meta{spec.meta_batch}'"
        )
