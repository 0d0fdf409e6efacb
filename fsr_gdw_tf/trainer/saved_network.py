"""A model whose files are those of the network that it trains."""

import contextlib
from pathlib import Path

import keras

from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.io.files import atomic_write


class SavedNetwork(keras.Model):
    """Saves what is needed to predict: the network, without its training.

    With a moving average of the weights that is what is saved. A subclass has
    the attributes `network`, `method` and `average` (or None).
    """

    def save(self, filepath: str | Path, overwrite: bool = True, **kwargs):
        """Save the network as a `.keras` (or `.h5`) file.

        `keras.models.load_model` returns it as the plain Keras model it is.
        """
        path = Path(filepath)
        _require_absent(path, overwrite)
        # Keras leaves an empty file where saving fails.
        with atomic_write(path) as unfinished, self.averaged_weights():
            self.network.save(unfinished, **kwargs)

    def save_weights(
        self, filepath: str | Path, overwrite: bool = True, **kwargs
    ) -> None:
        """Save the network's weights as a `.weights.h5` file."""
        _require_absent(Path(filepath), overwrite)
        with self.averaged_weights():
            self.network.save_weights(filepath, overwrite=True, **kwargs)

    def load_weights(self, filepath: str | Path, **kwargs) -> None:
        """Load the network's weights from a `.weights.h5` file."""
        self.network.load_weights(filepath, **kwargs)
        if self.average:
            self.average.reset()

    def export(self, filepath: str | Path, *args, **kwargs) -> None:
        """Export the network for inference, as `keras.Model.export` does."""
        with self.averaged_weights():
            self.network.export(filepath, *args, **kwargs)

    def averaged_weights(self) -> contextlib.AbstractContextManager:
        """Return a context in which the weights are their moving averages."""
        average = self.average
        return average.assigned() if average else contextlib.nullcontext()

    def summary(self, *args, **kwargs) -> None:
        """Print the method, and Keras' summary of the network."""
        components = [self.method, *self.regularisers]
        names = " with ".join(type(c).__name__ for c in components)
        show = kwargs.get("print_fn") or print
        show(f"Classifier trained by {names}")
        self.network.summary(*args, **kwargs)

    def get_config(self) -> dict:
        """Raise: a method has state of its training set."""
        raise InvalidInput(
            "a classifier cannot be cloned or built from a config; clone its "
            "network, Classifier.wrap(keras.models.clone_model("
            "classifier.network), method)"
        )


def _require_absent(path: Path, overwrite: bool) -> None:
    if path.exists() and not overwrite:
        raise InvalidInput(
            f"{path} exists and overwrite=False; choose another name"
        )
