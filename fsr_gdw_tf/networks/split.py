"""Split a Keras classifier into its features and its last Dense layer."""

import keras

from fsr_gdw_tf.errors import InvalidInput

NEEDED = "expected a built Sequential or functional model that ends in a Dense"


class Logits(keras.layers.Layer):
    """A Dense layer without its activation, sharing its weights.

    It computes in the weights' precision, also where the layer does not.
    """

    def __init__(self, dense: keras.layers.Dense, **kwargs):
        super().__init__(dtype=dense.variable_dtype, **kwargs)
        self.dense = dense
        self.built = True

    @property
    def kernel(self):
        """Return the kernel of the Dense layer, `[features, classes]`."""
        return self.dense.kernel

    @property
    def bias(self):
        """Return the bias of the Dense layer, or None."""
        return self.dense.bias if self.dense.use_bias else None

    @property
    def units(self) -> int:
        """Return the number of classes."""
        return self.dense.units

    def call(self, features):
        """Return features @ kernel + bias."""
        logits = keras.ops.matmul(features, self.dense.kernel)
        return logits if self.bias is None else logits + self.bias


def split(model: keras.Model) -> tuple[keras.Model, keras.layers.Layer]:
    """Return (features, head), which share the weights of the classifier.

    The head returns logits: a final softmax is not part of it.
    """
    if not isinstance(model, keras.Model):
        raise InvalidInput(f"{NEEDED}, got {type(model).__name__}")
    try:
        inputs, outputs = model.inputs, model.outputs
    except AttributeError:
        inputs = outputs = None
    if not inputs or not outputs:
        raise InvalidInput(
            f"{NEEDED}, got {type(model).__name__} {model.name!r} without "
            "symbolic inputs; call it on keras.Input(...) first, or use "
            "Classifier(features, head)"
        )
    if len(inputs) != 1 or len(outputs) != 1:
        raise InvalidInput(
            f"{NEEDED}, one input and one output, got {len(inputs)} inputs and "
            f"{len(outputs)} outputs"
        )
    dense = _last_dense(model)
    features = keras.Model(inputs[0], dense.input, name="features")
    gives_logits = (
        dense.activation is keras.activations.linear
        and dense.compute_dtype == dense.variable_dtype
    )
    return features, dense if gives_logits else Logits(dense)


def clone_architecture(
    features: keras.Model, head: keras.layers.Layer
) -> tuple[keras.Model, keras.layers.Layer]:
    """Return a copy of (features, head) with newly initialised weights.

    Non-trainable weights are copied: batch norm statistics and frozen layers.
    """
    try:
        copy = keras.models.clone_model(features)
    except (TypeError, ValueError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise InvalidInput(
            "this network cannot be cloned, one of its layers has no usable "
            f"get_config ({reason}); pass a second network, network=model"
        ) from error
    dense = head.dense if isinstance(head, Logits) else head
    changes = {"activation": "linear", "dtype": head.variable_dtype}
    head_copy = type(dense).from_config(dense.get_config() | changes)
    head_copy.build(copy.output_shape)
    fixed = features.non_trainable_variables, copy.non_trainable_variables
    for source, target in zip(*fixed, strict=True):
        target.assign(source)
    for layer in leaf_layers(copy):
        # Preprocessing layers such as Normalization derive values from their
        # weights, which have just changed.
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()
    return copy, head_copy


def _last_dense(model: keras.Model) -> keras.layers.Dense:
    """Return the Dense layer that gives the logits; raise if there is none."""
    tensor = model.outputs[0]
    layer = tensor._keras_history.operation
    while _is_softmax(layer):
        layer = layer.input._keras_history.operation
    if not isinstance(layer, keras.layers.Dense):
        raise InvalidInput(
            f"{NEEDED}, got {type(layer).__name__} {layer.name!r} as the last "
            "layer"
        )
    name = keras.activations.serialize(layer.activation)
    if name not in ("linear", "softmax"):
        raise InvalidInput(
            f"the last Dense layer must give logits or a softmax, got the "
            f"activation {name!r}; two classes need Dense(2)"
        )
    if layer.units < 2:
        raise InvalidInput(
            f"the last Dense layer must have one unit per class (2 or more), "
            f"got {layer.units}"
        )
    return layer


def _is_softmax(layer) -> bool:
    if isinstance(layer, keras.layers.Softmax):
        return True
    return (
        isinstance(layer, keras.layers.Activation)
        and layer.activation is keras.activations.softmax
    )


def batch_norm_layers(
    network: keras.Model,
) -> list[keras.layers.BatchNormalization]:
    """Return all batch normalisation layers, however deeply nested."""
    kind = keras.layers.BatchNormalization
    # `leaf_layers` does not open a user's own composite layers; this does.
    return [x for x in network._flatten_layers() if isinstance(x, kind)]


def synchronize_batch_norms(network: keras.Model) -> None:
    """Normalise over the global batch instead of each replica's part."""
    for layer in batch_norm_layers(network):
        layer.synchronized = True


def leaf_layers(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """Return the layers in their order, those of nested models included."""
    if not isinstance(layer, keras.Model):
        return [layer]
    return [leaf for inner in layer.layers for leaf in leaf_layers(inner)]
