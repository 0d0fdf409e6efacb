"""The base class of recorders, which must not change training."""

import keras
import numpy as np
import tensorflow as tf

from fsr_gdw_tf.data.pipeline import InputPipeline
from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.method import Batch, Method, OmegaUpdate


class Recorder(keras.layers.Layer):
    """Statistics of a run, as variables: saved, mirrored and restored.

    In the hooks `classifier` is the `Classifier`; `source` is the training set
    (a `Source`, or None in `setup` if examples have no numbers) and `pipeline`
    the `InputPipeline` that makes the batches.
    """

    @classmethod
    def applies_to(cls, method: Method) -> bool:
        """Return whether the recorder has something to record of a method."""
        return True

    def setup(
        self,
        classifier: keras.Model,
        source: Source | None,
        pipeline: InputPipeline,
    ) -> None:
        """Create the variables that depend on the data."""

    def observe(
        self,
        classifier: keras.Model,
        batch: Batch,
        logits: tf.Tensor,
        omega: OmegaUpdate,
    ) -> None:
        """Record a batch, after the weights were updated."""

    def epoch_logs(
        self, classifier: keras.Model, source: Source
    ) -> dict[str, float]:
        """Return numbers to log at the end of an epoch."""
        return {}

    def example_columns(
        self, classifier: keras.Model, source: Source
    ) -> dict[str, np.ndarray]:
        """Return columns with a value for each training example."""
        return {}

    def csv_tables(
        self, classifier: keras.Model, source: Source
    ) -> dict[str, list[dict]]:
        """Return the rows of CSV files to write after each epoch, by name."""
        return {}
