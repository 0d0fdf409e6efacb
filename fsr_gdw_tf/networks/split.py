"""Cut anybody's Keras classifier in two: features, and the last Dense."""

import keras

from fsr_gdw_tf.errors import InvalidInput

NEEDED = "expected a built Sequential or functional model that ends in a Dense"


class Logits(keras.layers.Layer):
    """A Dense layer without its activation, on the same weights.

    Where the layer computes in half precision, its logits do not.
    """

    def __init__(self, dense: keras.layers.Dense, **kwargs):
        super().__init__(dtype=dense.variable_dtype, **kwargs)
        self.dense = dense
        self.built = True

    @property
    def kernel(self):
        """The kernel of the Dense layer, `[features, classes]`."""
        return self.dense.kernel

    @property
    def bias(self):
        """The bias of the Dense layer, or None."""
        return self.dense.bias if self.dense.use_bias else None

    @property
    def units(self) -> int:
        """The number of classes."""
        return self.dense.units

    def call(self, features):
        """features @ kernel + bias."""
        logits = keras.ops.matmul(features, self.dense.kernel)
        return logits if self.bias is None else logits + self.bias


def split(model: keras.Model) -> tuple[keras.Model, keras.layers.Layer]:
    """(features, head) of a classifier, on its own weights.

    The head gives logits; a softmax at the end is left out of the head, and
    stays in the user's model.
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
    plain = (
        dense.activation is keras.activations.linear
        and dense.compute_dtype == dense.variable_dtype
    )
    return features, dense if plain else Logits(dense)


def clone_architecture(
    features: keras.Model, head: keras.layers.Layer
) -> tuple[keras.Model, keras.layers.Layer]:
    """(features, head) of the same architecture, with weights of their own.

    What is not trained is copied: statistics, and layers that are frozen.
    """
    try:
        copy = keras.models.clone_model(features)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise InvalidInput(
            "this network cannot be copied, as some layer of it does not say "
            f"how it was made ({error}); pass a second one, network=model"
        ) from error
    dense = head.dense if isinstance(head, Logits) else head
    plain = {"activation": "linear", "dtype": head.variable_dtype}
    other = type(dense).from_config(dense.get_config() | plain)
    other.build(copy.output_shape)
    fixed = features.non_trainable_variables, copy.non_trainable_variables
    for mine, its in zip(*fixed, strict=True):
        its.assign(mine)
    for layer in leaf_layers(copy):
        if hasattr(layer, "finalize_state"):  # of preprocessing layers
            layer.finalize_state()
    return copy, other


def _last_dense(model: keras.Model) -> keras.layers.Dense:
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


def batch_norm_layers(network: keras.Model) -> list:
    """The layers that normalise by statistics of a batch."""
    kind = keras.layers.BatchNormalization
    # `leaf_layers` does not open a user's own composite layers; this does.
    return [x for x in network._flatten_layers() if isinstance(x, kind)]


def synchronize_batch_norms(network: keras.Model) -> None:
    """Let batch normalisation see the global batch, not each replica's."""
    for layer in batch_norm_layers(network):
        layer.synchronized = True


def leaf_layers(layer) -> list[keras.layers.Layer]:
    """All layers in the order of the forward pass, nested models opened."""
    if not isinstance(layer, keras.Model):
        return [layer]
    return [leaf for inner in layer.layers for leaf in leaf_layers(inner)]
