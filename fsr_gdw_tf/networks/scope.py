"""The scope of a virtual step: the part of the network that it moves."""

import re

import keras

from fsr_gdw_tf.errors import InvalidInput, suggest_names
from fsr_gdw_tf.networks.split import leaf_layers


def scope_variables(
    classifier: keras.Model, scope: str
) -> list[keras.Variable]:
    """Return the variables of a scope: "all", "head", or a layer and all after.

    A layer is given by a regular expression, which is searched in the names.
    """
    head = list(classifier.head.trainable_variables)
    if scope == "all":
        return classifier.network_variables
    if scope == "head" and not head:
        raise InvalidInput(
            "scope='head' needs a trainable head, and that of this network is "
            f"frozen; set trainable=True on {classifier.head.name!r}, or pass "
            "a method with scope='all'"
        )
    if scope == "head":
        return head
    above = layers_from(classifier.features, scope)
    variables = [v for layer in above for v in layer.trainable_weights]
    return list({id(v): v for v in [*variables, *head]}.values())


def layers_from(
    features: keras.layers.Layer, pattern: str
) -> list[keras.layers.Layer]:
    """Return the first layer whose name matches, and all after it."""
    layers = leaf_layers(features)
    names = [layer.name for layer in layers]
    try:
        matches = [
            i for i, name in enumerate(names) if re.search(pattern, name)
        ]
    except re.error as error:
        raise InvalidInput(
            f"the scope {pattern!r} is no regular expression: {error}"
        ) from error
    if not matches:
        trainable = {layer.name for layer in layers if layer.trainable_weights}
        raise InvalidInput(
            f"no layer matches the scope {pattern!r}: "
            f"{suggest_names(pattern, {'all', 'head', *trainable})}"
        )
    return layers[matches[0] :]
