"""A head that is a mixture of linear classifiers on several layers.

It consists of Keras' own layers, so that a saved network loads without this
package.
"""

from collections.abc import Sequence

import keras
import numpy as np
import scipy.linalg
from keras import layers

from fsr_gdw_tf.errors import InvalidInput, suggest_names
from fsr_gdw_tf.networks.split import Parts, input_structure

TINY = 1e-10  # added to probabilities before the logarithm
POOLING = {
    3: layers.GlobalAveragePooling1D,
    4: layers.GlobalAveragePooling2D,
    5: layers.GlobalAveragePooling3D,
}


def layer_means(
    features: keras.layers.Layer, wanted: int | Sequence[str]
) -> keras.Model:
    """Return a model that gives vectors of several layers, as a list.

    A feature map is averaged over its positions.

    wanted: the last so many layers with an activation, or names of layers. If
        the network has no graph of layers, its own output is the only one.
    """
    features = _unwrapped(features)
    inputs = input_structure(features)
    if inputs is None or not isinstance(features, keras.Model):
        raise InvalidInput(
            "the layers of a network are found in its graph; expected a "
            f"Sequential or functional model, got {type(features).__name__}"
        )
    if isinstance(wanted, int):
        found = [x.output for x in features.layers if _is_activation(x)]
        found = found[-wanted:] or [features.outputs[0]]
    else:
        found = [_named(features, name).output for name in wanted]
    vectors = [
        POOLING[len(x.shape)]()(x) if len(x.shape) > 2 else x for x in found
    ]
    return keras.Model(inputs, vectors, name="layer_means")


def _unwrapped(features: keras.layers.Layer) -> keras.layers.Layer:
    """Return the model that is the only layer of another one, as when saved."""
    while isinstance(features, keras.Model):
        inner = [
            x for x in features.layers if not isinstance(x, layers.InputLayer)
        ]
        if len(inner) != 1 or not isinstance(inner[0], keras.Model):
            break
        features = inner[0]
    return features


def _is_activation(layer: keras.layers.Layer) -> bool:
    """Return whether a layer that is called once applies an activation."""
    is_own = isinstance(layer, (layers.ReLU, layers.LeakyReLU))
    activation = getattr(layer, "activation", None)
    linear = keras.activations.linear
    is_own = is_own or activation not in (None, linear)
    return is_own and len(layer._inbound_nodes) == 1


def _named(features: keras.Model, name: str) -> keras.layers.Layer:
    by_name = {layer.name: layer for layer in features.layers}
    if name not in by_name:
        raise InvalidInput(
            f"the network has no layer {name!r}: {suggest_names(name, by_name)}"
        )
    return by_name[name]


def generative_parts(
    model: keras.Model,
    classifiers: Sequence[tuple[np.ndarray, np.ndarray]],
    weights: np.ndarray,
) -> Parts:
    """Return (features, head) whose probabilities are a weighted mean.

    model: what `layer_means` returned.
    classifiers: kernel and bias for each of its outputs.
    weights: of the classifiers; they add up to one.
    """
    vectors = model.outputs
    joined = layers.Concatenate()(vectors) if vectors[1:] else vectors[0]
    features = keras.Model(model.inputs, joined, name="features")
    return features, _head(classifiers, weights)


def _head(classifiers: Sequence, weights: np.ndarray) -> keras.Model:
    """Return the model from all vectors side by side to log-probabilities."""
    kernels, biases = zip(*classifiers, strict=True)
    n, classes = len(kernels), len(biases[0])
    kernel = scipy.linalg.block_diag(*kernels)
    # Under mixed precision, too: the kernel is the inverse of a covariance.
    linear = layers.Dense(n * classes, dtype="float32", name="discriminants")
    mixture = layers.Dense(1, use_bias=False, dtype="float32", name="mixture")
    inputs = keras.Input((len(kernel),))
    x = layers.Reshape((n, classes))(linear(inputs))
    x = layers.Permute((2, 1))(layers.Softmax(dtype="float32")(x))
    x = layers.Reshape((classes,))(mixture(x))
    linear.set_weights([kernel, np.concatenate(biases)])
    mixture.set_weights([weights[:, None]])
    head = keras.Model(inputs, keras.ops.log(x + TINY), name="generative_head")
    head.units = classes
    return head


def saved_parts(network: keras.Model) -> Parts:
    """Return the parts of a network that was saved with such a head."""
    try:
        features, head = map(network.get_layer, ("features", "generative_head"))
    except ValueError as error:
        raise InvalidInput(
            "expected a network with a generative head, got "
            f"{network.name!r}; fit one with RoG"
        ) from error
    head.units = head.output_shape[-1]
    return features, head
