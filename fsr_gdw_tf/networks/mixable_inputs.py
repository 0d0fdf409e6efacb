"""Which inputs of a network can be averaged: numbers that it does not look up.

Strings, integers, and numbers that an Embedding or a vocabulary reads cannot.
"""

import keras
import tensorflow as tf

from fsr_gdw_tf.networks.split import input_structure, leaf_layers

LOOKUPS = (
    keras.layers.CategoryEncoding,
    keras.layers.Embedding,
    keras.layers.HashedCrossing,
    keras.layers.Hashing,
    keras.layers.IntegerLookup,
    keras.layers.StringLookup,
    keras.layers.TextVectorization,
)


def mixable_inputs(features: keras.layers.Layer) -> list[bool] | None:
    """Return whether each input can be averaged; None if there is no graph."""
    structure = input_structure(features)
    if structure is None:
        return None
    inputs = tf.nest.flatten(structure)
    if len(inputs) == 1:
        read = inputs if _looks_up(features) else []
    else:
        nodes = _nodes_before(features.outputs)
        lookups = [n for n in nodes if _looks_up(n.operation)]
        tensors = [t for node in lookups for t in node.input_tensors]
        read = [t for n in _nodes_before(tensors) for t in n.output_tensors]
    looked_up = {id(tensor) for tensor in read}
    return [
        keras.backend.is_float_dtype(x.dtype) and id(x) not in looked_up
        for x in inputs
    ]


def _looks_up(layer) -> bool:
    return any(isinstance(leaf, LOOKUPS) for leaf in leaf_layers(layer))


def _nodes_before(tensors: list) -> list:
    """Return the nodes of the graph that the tensors depend on."""
    found, stack = {}, list(tensors)
    while stack:
        operation, index, _ = stack.pop()._keras_history
        node = operation._inbound_nodes[index]
        if id(node) not in found:
            found[id(node)] = node
            stack += node.input_tensors
    return list(found.values())
