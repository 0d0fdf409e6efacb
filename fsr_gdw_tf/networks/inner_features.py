"""The features of a model that has no graph to split."""

import keras
import numpy as np

from fsr_gdw_tf.errors import InvalidInput


class InnerFeatures(keras.Model):
    """What a layer inside of a model gets as its inputs.

    The whole model is called; what it computes after the layer is not used,
    and TensorFlow leaves that out of its graphs.
    """

    def __init__(self, model: keras.Model, layer: keras.layers.Layer):
        super().__init__(name="features", autocast=False)
        self.model, self.layer = model, layer
        self.built = True

    def call(self, inputs, training=None):
        """Return the inputs of the layer."""
        calls, layer = [], self.layer
        call = layer.call

        def record(features, *args, **kwargs):
            calls.append(features)
            return call(features, *args, **kwargs)

        layer.call = record
        try:
            self.model(inputs, training=training)
        finally:
            del layer.call
        if len(calls) != 1:
            raise InvalidInput(
                f"the layer {layer.name!r} must be called once by "
                f"{self.model.name!r}, got {len(calls)} calls; name the layer "
                "that gives the logits"
            )
        return calls[0]


def require_same_outputs(features: InnerFeatures, logits, inputs) -> None:
    """Raise unless the model gives these logits, or their probabilities.

    What a model computes after a layer that the user has named is not known.
    """
    ops = keras.ops
    outputs = ops.cast(features.model(inputs, training=False), logits.dtype)
    probs = ops.softmax(logits)
    possible = [logits, probs, logits[:, 1:], probs[:, 1:]]
    if not any(
        outputs.shape == found.shape
        and np.allclose(outputs, found, rtol=1e-2, atol=1e-2)
        for found in possible
    ):
        raise InvalidInput(
            f"the outputs of {features.model.name!r} are not those of the "
            f"layer {features.layer.name!r}, nor their softmax; name its last "
            "layer, or use Classifier(features, head)"
        )
