"""Heads: the last layers of a classifier, from its features to logits."""

import keras

from fsr_gdw_tf.errors import InvalidInput

CONVOLUTIONS = (
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
)
LAST_LAYERS = (keras.layers.Dense, *CONVOLUTIONS)


class Head(keras.layers.Layer):
    """A layer without the activation that makes probabilities of its logits.

    It shares the layer's weights, and computes in their precision, also where
    the layer does not. `after` is what follows the layer, such as pooling. One
    unit becomes two classes, with the logits [0, z]: their softmax is the
    sigmoid of z, so that training is that of binary cross-entropy.
    """

    def __init__(
        self,
        layer: keras.layers.Layer,
        after: keras.Model | None = None,
        **kwargs,
    ):
        super().__init__(dtype=layer.variable_dtype, **kwargs)
        self.layer, self.after = layer, after
        self.built = True

    @property
    def kernel(self):
        """The kernel of a Dense layer, `[features, classes]`, or None."""
        if not isinstance(self.layer, keras.layers.Dense) or self.after:
            return None
        kernel = self.layer.kernel
        return kernel if self.outputs > 1 else _with_class_zero(kernel)

    @property
    def bias(self):
        """The bias of the layer, or None."""
        return self.layer.bias if self.layer.use_bias else None

    @property
    def outputs(self) -> int:
        """The number of outputs of the user's model: one for a sigmoid."""
        if self.after is not None:
            return self.after.output_shape[-1]
        return layer_units(self.layer)

    @property
    def units(self) -> int:
        """The number of classes."""
        return max(self.outputs, 2)

    def call(self, features, training=None):
        """Return logits, `[batch, classes]`."""
        logits = _without_activation(self.layer, features)
        if activation_name(self.layer) not in ("softmax", "sigmoid"):
            logits = self.layer.activation(logits)
        if self.after is not None:
            logits = self.after(logits, training=training)
        logits = keras.ops.cast(logits, self.compute_dtype)
        return logits if logits.shape[-1] > 1 else _with_class_zero(logits)


def as_head(layer: keras.layers.Layer) -> keras.layers.Layer:
    """Return a layer that maps features to logits and knows its `units`.

    A Dense or convolution is used without a softmax; a sigmoid of one unit
    stands for two classes. Other layers must give logits themselves.
    """
    if isinstance(layer, Head):
        return layer
    if not isinstance(layer, keras.layers.Layer):
        raise InvalidInput(
            "a head is a built Keras layer that gives logits, such as Dense, "
            f"got {type(layer).__name__}"
        )
    if not isinstance(layer, LAST_LAYERS):
        if not hasattr(layer, "units"):
            raise InvalidInput(
                f"the head {layer.name!r} needs the attribute `units`, the "
                "number of classes; set it, or take a Dense layer"
            )
        return layer
    if not layer.built:
        raise InvalidInput(
            f"the head {layer.name!r} has no weights yet; call it on features "
            "(or head.build(shape)) first"
        )
    check_outputs(layer, layer_units(layer), activation_name(layer))
    gives_logits = (
        isinstance(layer, keras.layers.Dense)
        and activation_name(layer) == "linear"
        and layer.compute_dtype == layer.variable_dtype
        and layer.units > 1
    )
    return layer if gives_logits else Head(layer)


def check_outputs(layer: keras.layers.Layer, units: int, activation: str):
    """Raise unless an activation of so many units gives one label."""
    if activation == "sigmoid" and units > 1:
        raise InvalidInput(
            f"{units} sigmoids are {units} labels of their own per example "
            "(multi-label); methods weigh one label per example: take "
            f"Dense({units}, 'softmax'), or a classifier for each label"
        )
    if activation not in ("linear", "softmax", "sigmoid"):
        raise InvalidInput(
            f"the last layer {layer.name!r} must give logits, a softmax, or "
            f"one sigmoid, got the activation {activation!r}; two classes need "
            "Dense(2) or Dense(1, 'sigmoid')"
        )
    if activation == "softmax" and units < 2:
        raise InvalidInput(
            f"the last layer {layer.name!r} is a softmax over {units} unit, "
            "which is always 1; two classes need Dense(2, 'softmax') or "
            "Dense(1, 'sigmoid')"
        )


def layer_units(layer: keras.layers.Layer) -> int:
    """Return the number of outputs of a Dense layer or a convolution."""
    return layer.filters if isinstance(layer, CONVOLUTIONS) else layer.units


def activation_name(layer: keras.layers.Layer) -> str:
    """Return the name of a layer's activation, "linear" for none."""
    activation = layer.activation
    if activation is None:
        return "linear"
    name = keras.activations.serialize(activation)
    return name if isinstance(name, str) else str(name.get("config", name))


def _with_class_zero(column):
    """Return two columns, zeros first, for a column of class 1."""
    return keras.ops.concatenate([keras.ops.zeros_like(column), column], -1)


def _without_activation(layer: keras.layers.Layer, x):
    if isinstance(layer, keras.layers.Dense):
        outputs = keras.ops.matmul(x, layer.kernel)
        return outputs + layer.bias if layer.use_bias else outputs
    outputs = layer.convolution_op(x, layer.kernel)
    if not layer.use_bias:
        return outputs
    if layer.data_format == "channels_last":
        return outputs + layer.bias
    return outputs + keras.ops.reshape(layer.bias, (1, -1, *[1] * layer.rank))
