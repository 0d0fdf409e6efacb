"""The features of a model that has no graph to split."""

import keras

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
