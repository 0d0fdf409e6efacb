"""A network by its name: one of this package, or of keras.applications."""

from collections.abc import Callable

import gin
import keras
from keras import layers

from fsr_gdw_tf.errors import InvalidInput, first_line, suggest_names
from fsr_gdw_tf.networks import cifar_resnet, imagenet, parts, small
from fsr_gdw_tf.networks.parts import Network

OWN = {
    "photo_cnn": small.photo_cnn,
    "resnet18": imagenet.resnet18,
    "resnet32": cifar_resnet.resnet32,
    "resnet50": imagenet.resnet50,
    "small_cnn": small.small_cnn,
    "tiny_cnn": small.tiny_cnn,
}
WITH_WEIGHTS = ("resnet18", "resnet50")
DOWNLOAD = "imagenet"  # the weights that Keras downloads
# How the networks of keras.applications want their pixels, by the beginnings
# of their names. The first ones scale pixels of 0 to 255 themselves.
SCALE_THEMSELVES = ("EfficientNet", "MobileNetV3", "ConvNeXt")
ONE = ("MobileNet", "Xception", "Inception", "NASNet")  # -1 to 1
STANDARDISED = ("DenseNet",)  # by ImageNet's mean and deviation


@gin.register
def image_network(
    input_shape: tuple[int, ...],
    classes: int,
    name: str = "photo_cnn",
    weights: str | None = None,
    frozen: bool = False,
) -> Network:
    """Return a network for images.

    name: such as 'resnet18', or one of keras.applications, such as
        'MobileNetV2', which take colour images.
    weights: path of a `.weights.h5` file of its features; 'imagenet' are those
        that Keras downloads for keras.applications.
    frozen: train the last layer alone.
    """
    if frozen and weights is None:
        raise InvalidInput(
            "FROZEN=True needs WEIGHTS: without them the features are random"
        )
    if name in OWN:
        arguments = _own_weights(name, weights)
        build = gin.get_configurable(OWN[name])
        features, head = build(input_shape, classes, **arguments)
    else:
        features, head = _application(input_shape, classes, name, weights)
    if frozen:
        features.trainable = False
    return features, head


def _own_weights(name: str, weights: str | None) -> dict[str, str]:
    """Return the argument for the weights, if there are any."""
    if weights is None:
        return {}
    if name not in WITH_WEIGHTS or weights == DOWNLOAD:
        raise InvalidInput(
            f"there are no weights {weights!r} for the network {name!r}; "
            "WEIGHTS may be a local .weights.h5 of "
            f"{' or '.join(WITH_WEIGHTS)}, or of a network of "
            "keras.applications (NETWORK), for which it may be 'imagenet'"
        )
    return {"weights": weights}


def _application(
    input_shape: tuple[int, ...],
    classes: int,
    name: str,
    weights: str | None,
) -> Network:
    """Return a network of keras.applications, from pixels of 0 to 255."""
    build = _application_class(name)
    inputs = keras.Input(input_shape)
    downloaded = weights if weights == DOWNLOAD else None
    try:
        body = build(
            include_top=False, weights=downloaded, input_shape=input_shape
        )
    except Exception as error:  # of the download, or of a size too small
        raise InvalidInput(
            f"the network {name} cannot be built for images of "
            f"{'x'.join(map(str, input_shape))}: {first_line(error)}"
        ) from error
    if weights and not downloaded:
        imagenet.load_weights(body, weights)
    x = body(_scaled(name, inputs))
    x = layers.GlobalAveragePooling2D()(x)
    return parts.features_and_head(inputs, x, classes)


def _application_class(name: str) -> Callable:
    """Return what builds a network of keras.applications; raise if none."""
    if name in _applications():
        return getattr(keras.applications, name)
    raise InvalidInput(
        f"no network {name!r}: {suggest_names(name, [*OWN, *_applications()])}"
    )


def _applications() -> list[str]:
    """Return the names of those networks of Keras whose scaling is known."""
    known = (*SCALE_THEMSELVES, *ONE, *STANDARDISED)
    names = [name for name in dir(keras.applications) if name[0].isupper()]
    return [n for n in names if n.startswith(known) or n.endswith("V2")]


def _scaled(name: str, inputs: keras.KerasTensor) -> keras.KerasTensor:
    if name.startswith(SCALE_THEMSELVES):
        return inputs
    if name.startswith(STANDARDISED):
        return imagenet.standardise(inputs)
    return layers.Rescaling(1 / 127.5, -1)(inputs)
