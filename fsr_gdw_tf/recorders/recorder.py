"""The contract of recorders: they watch training and never change it."""

import keras
import numpy as np
import tensorflow as tf

from fsr_gdw_tf.method import Batch, Method, OmegaUpdate


class Recorder(keras.layers.Layer):
    """Statistics of a run, as variables: saved, mirrored and resumed."""

    @classmethod
    def applies_to(cls, method: Method) -> bool:
        """Return whether there is something to record with this method."""
        return True

    def setup(self, classifier, source, pipeline) -> None:
        """Create the variables that depend on the data."""

    def observe(
        self, classifier, batch: Batch, logits: tf.Tensor, omega: OmegaUpdate
    ) -> None:
        """Record a batch, after the gradient of the step is known."""

    def epoch_logs(self, classifier, source) -> dict[str, float]:
        """Return what to log at the end of an epoch."""
        return {}

    def example_columns(self, classifier, source) -> dict[str, np.ndarray]:
        """Return columns with a value for each training example."""
        return {}

    def csv_tables(self, classifier, source) -> dict[str, list[dict]]:
        """Return small tables to write after each epoch, by file name."""
        return {}
