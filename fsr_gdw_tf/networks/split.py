"""Split a Keras classifier into its features and its head."""

import keras

from fsr_gdw_tf.errors import InvalidInput, first_line, suggest_names
from fsr_gdw_tf.networks.heads import (
    LAST_LAYERS,
    Head,
    activation_name,
    as_head,
    check_outputs,
    layer_units,
)
from fsr_gdw_tf.networks.inner_features import InnerFeatures

NEEDED = (
    "expected a built Sequential or functional model that ends in a Dense or "
    "a convolution"
)
# What may follow the last layer, by the name of the layer or `keras.ops`.
UNCHANGED = ("Identity", "Cast", "Flatten", "Reshape", "Squeeze")
POOLING = ("Mean", "Max", "Pooling1D", "Pooling2D", "Pooling3D")

Parts = tuple[keras.layers.Layer, keras.layers.Layer]


def split(model: keras.Model, head: str | None = None) -> Parts:
    """Return (features, head), which share the weights of the classifier.

    The head returns logits: a final softmax is not part of it. `head` is the
    name of the layer whose outputs, without activation, are the logits;
    subclassed models need it.
    """
    if not isinstance(model, keras.Model):
        raise InvalidInput(f"{NEEDED}, got {type(model).__name__}")
    if head is not None:
        return _split_at(model, head)
    _require_graph(model)
    features, layer, after = _split_at_last(model, [])
    if not after:
        return features, as_head(layer)
    kept = _kept_after(layer, after)
    after = _replay(kept, layer, after[0]) if kept else None
    return features, Head(layer, after) if after else as_head(layer)


def _require_graph(model: keras.Model) -> None:
    """Raise unless the model is a graph that gives one label per example."""
    outputs = getattr(model, "outputs", None)
    if not outputs or not getattr(model, "inputs", None):
        raise InvalidInput(
            f"{NEEDED}, got {type(model).__name__} {model.name!r} without "
            "symbolic inputs; pass the name of its last Dense layer, "
            "wrap(model, head='...'), call it on keras.Input(...) first, or "
            "use Classifier(features, head)"
        )
    if len(outputs) != 1:
        raise InvalidInput(
            f"expected one output, got {len(outputs)} outputs of "
            f"{model.name!r}: methods weigh one label per example; wrap a "
            "keras.Model(model.input, model.outputs[0]) for one of them"
        )
    rank = len(outputs[0].shape)
    if rank != 2:
        raise InvalidInput(
            "expected outputs [batch, classes], got the shape "
            f"{tuple(outputs[0].shape)}: methods weigh one label per example, "
            "not one per token or pixel; pool the outputs"
        )


def _split_at(model: keras.Model, name: str) -> Parts:
    """Return the parts of any model, split at the layer of this name."""
    layers = {
        layer.name: layer for layer in model._flatten_layers(include_self=False)
    }
    layer = layers.get(name, getattr(model, name, None))
    if not isinstance(layer, LAST_LAYERS):
        names = [k for k, v in layers.items() if isinstance(v, LAST_LAYERS)]
        raise InvalidInput(
            f"no Dense layer or convolution {name!r} in {model.name!r}: "
            f"{suggest_names(name, names)}"
        )
    if not layer.built:
        raise InvalidInput(
            f"{model.name!r} has no weights yet; call it on a batch first, "
            "model(x[:2])"
        )
    return InnerFeatures(model, layer), as_head(layer)


def _split_at_last(model: keras.Model, after: list) -> tuple:
    """Return features, last layer, and the nodes of the graph after it.

    after: the nodes that follow the model itself, if it is a nested one.
    """
    tensor = model.outputs[0]
    while True:
        operation, index, _ = tensor._keras_history
        node = operation._inbound_nodes[index]
        if isinstance(operation, LAST_LAYERS):
            features = keras.Model(
                input_structure(model), node.input_tensors[0], name="features"
            )
            return features, operation, after
        if isinstance(operation, keras.Model):
            _require_graph(operation)
            inner, layer, after = _split_at_last(operation, after)
            args, kwargs = node.arguments.args, node.arguments.kwargs
            features = keras.Model(
                input_structure(model), inner(*args, **kwargs), name="features"
            )
            return features, layer, after
        weights = getattr(operation, "weights", ())
        if len(node.input_tensors) != 1 or weights:
            raise _not_last(operation)
        after = [node, *after]
        tensor = node.input_tensors[0]


def _not_last(operation) -> InvalidInput:
    kind, name = type(operation).__name__, operation.name
    return InvalidInput(f"{NEEDED}, got {kind} {name!r} as the last layer")


def _kept_after(layer: keras.layers.Layer, after: list) -> list:
    """Return the nodes after the last layer but a final softmax or sigmoid."""
    kept, activation = [], activation_name(layer)
    is_final = activation in ("softmax", "sigmoid")
    # Other activations of the layer are fine if what follows pools them.
    last = layer if activation not in ("linear", "softmax", "sigmoid") else None
    for node in after:
        operation, name = node.operation, _kind(node.operation)
        if name in ("softmax", "sigmoid"):
            activation, is_final = name, True
        elif name == "linear" or name in UNCHANGED:
            kept.append(node)
        elif is_final:
            raise InvalidInput(
                f"{type(operation).__name__} {operation.name!r} follows the "
                f"{activation}; logits cannot: move the {activation} to the end"
            )
        else:
            kept.append(node)
            last = None if name.endswith(POOLING) else operation
    if last is not None:
        raise _not_last(last)
    activation = activation if is_final else "linear"
    check_outputs(layer, layer_units(layer), activation)
    # A linear activation may only be there to cast the softmax to float32.
    return [n for n in kept if _kind(n.operation) not in ("linear", "Cast")]


def _kind(operation) -> str:
    """Return the activation of an operation, or the name of its class."""
    if isinstance(operation, keras.layers.Activation):
        return activation_name(operation)
    name = type(operation).__name__
    return name.lower() if name in ("Softmax", "Sigmoid") else name


def _replay(nodes: list, layer: keras.layers.Layer, first) -> keras.Model:
    """Return a model that does what the nodes do to the layer's outputs."""
    outputs = first.input_tensors[0]
    x = inputs = keras.Input(
        batch_shape=outputs.shape, dtype=layer.variable_dtype
    )
    for node in nodes:
        args, kwargs = node.arguments.convert(
            lambda v, x=x: x if isinstance(v, keras.KerasTensor) else v
        )
        x = node.operation(*args, **kwargs)
    return keras.Model(inputs, x, name="after_last_layer")


def input_structure(features: keras.layers.Layer):
    """Return the symbolic inputs of a network, or None if it has none."""
    if isinstance(features, keras.Sequential):
        # Its `input` is that of its first call.
        return features.inputs[0] if features.inputs else None
    try:
        return _plain(features.input)
    except (AttributeError, ValueError):
        return None


def _plain(structure):
    """Return the structure without Keras' own kinds of dicts and lists."""
    if isinstance(structure, dict):
        return {name: _plain(part) for name, part in structure.items()}
    if isinstance(structure, (list, tuple)):
        return [_plain(part) for part in structure]
    return structure


def input_shapes(features: keras.layers.Layer):
    """Return the shapes of a network's inputs, None if they are unknown."""
    structure = input_structure(features)
    if structure is None:
        return None
    return keras.tree.map_structure(lambda x: tuple(x.shape), structure)


def feature_shape(features: keras.layers.Layer, inputs) -> tuple[int, ...]:
    """Return the shape of an example's features; `inputs` is a batch."""
    outputs = getattr(features, "outputs", None)
    outputs = outputs[0] if outputs else features(inputs, training=False)
    return tuple(outputs.shape[1:])


def as_features(layer: keras.layers.Layer) -> keras.layers.Layer:
    """Return a layer or model that has its weights; raise for others."""
    if not isinstance(layer, keras.layers.Layer):
        raise InvalidInput(
            "features are a Keras layer or model, got "
            f"{type(layer).__name__}; a function is keras.layers.Lambda(f)"
        )
    if not layer.built:
        raise InvalidInput(
            f"the features {layer.name!r} have no weights yet; call them on a "
            "batch first, features(x[:2])"
        )
    return layer


def join(features: keras.layers.Layer, head: keras.layers.Layer) -> keras.Model:
    """Return the Keras model whose parts these are."""
    if isinstance(features, InnerFeatures):
        return features.model
    inputs = input_structure(features)
    layer = head.layer if isinstance(head, Head) and not head.after else head
    if inputs is None:
        network = keras.Sequential([features, layer], name="network")
        network.built = True  # both are
        return network
    outputs = layer(features(inputs))
    return keras.Model(inputs, outputs, name="network")


def clone_architecture(network: keras.Model) -> Parts:
    """Return (features, head) of a copy with newly initialised weights.

    Non-trainable weights are copied: batch norm statistics and frozen layers.
    """
    try:
        copy = keras.models.clone_model(network)
        parts = split(copy)
    except (TypeError, ValueError, NotImplementedError) as error:
        reason = first_line(error)
        raise InvalidInput(
            "this network cannot be cloned, one of its layers has no usable "
            f"get_config ({reason}); pass a second network, network=model "
            "(with head=, the name of its last layer, if it is subclassed)"
        ) from error
    for source, target in zip(
        leaf_layers(network), leaf_layers(copy), strict=True
    ):
        if hasattr(source, "get_vocabulary"):
            target.set_vocabulary(source.get_vocabulary())
    fixed = network.non_trainable_variables, copy.non_trainable_variables
    for source, target in zip(*fixed, strict=True):
        target.assign(source)
    for layer in leaf_layers(copy):
        # Preprocessing layers such as Normalization derive values from their
        # weights, which have just changed.
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()
    return parts


def batch_norm_layers(
    network: keras.layers.Layer,
) -> list[keras.layers.BatchNormalization]:
    """Return all batch normalisation layers, however deeply nested."""
    kind = keras.layers.BatchNormalization
    # `leaf_layers` does not open a user's own composite layers; this does.
    return [x for x in network._flatten_layers() if isinstance(x, kind)]


def synchronize_batch_norms(network: keras.layers.Layer) -> None:
    """Normalise over the global batch instead of each replica's part."""
    for layer in batch_norm_layers(network):
        layer.synchronized = True


def leaf_layers(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """Return the layers in their order, those of nested models included."""
    if not isinstance(layer, keras.Model):
        return [layer]
    return [leaf for inner in layer.layers for leaf in leaf_layers(inner)]
