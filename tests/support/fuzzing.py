"""What the property tests draw, and the property that all of them share."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from hypothesis import strategies as st

from fsr_gdw_tf.errors import InvalidInput

# Characters that separate, quote, escape, end lines or are no text.
HARD = "\0\t\n\r \"'#%,./:;=@[\\]{|}()-+01aZ\x1b\x85\xe9\u2028\ufeff\U0001f600"
texts = st.text(st.sampled_from(HARD) | st.characters(codec="utf-8"))
plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    texts,
    st.binary(max_size=9),
)
values = st.recursive(
    plain,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(plain, inner, max_size=2),
    ),
    max_leaves=5,
)


def refused(call: Callable, *args, **kwargs) -> tuple[object, bool]:
    """Return what a call returns, and whether it refused its arguments.

    That is: whether it raised `InvalidInput` with a message of one line. All
    else that it raises fails the test.
    """
    try:
        return call(*args, **kwargs), False
    except InvalidInput as error:
        message = str(error)
        assert message and len(message.splitlines()) == 1, repr(message)
        return None, True


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """Yield an empty folder; pytest's own is the same for all examples."""
    with tempfile.TemporaryDirectory() as path:
        yield Path(path)


@st.composite
def damaged(draw, content: bytes) -> bytes:
    """Draw a content of which some bytes are others, or the end is cut off."""
    changed = bytearray(content)
    for place in draw(st.lists(st.integers(0, len(content) - 1), max_size=4)):
        changed[place] = draw(st.integers(0, 255))
    if draw(st.booleans()):
        del changed[draw(st.integers(0, len(content))) :]
    return bytes(changed)
