"""Load a network that was saved as a Keras file."""

from pathlib import Path

import keras

from fsr_gdw_tf.io.files import one_line_errors


def load_network(
    path: str | Path, remedy: str = "pass the model.keras of a run"
) -> keras.Model:
    """Load a Keras file; an unreadable one is an error of one line."""
    with one_line_errors(Path(path), remedy):
        return keras.models.load_model(path, compile=False)
