"""The precision in which a test computes."""

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def compute_in(dtype: str) -> Iterator[None]:
    """Build layers and variables of this type, and float32 ones afterwards."""
    import keras

    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    try:
        yield
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")
