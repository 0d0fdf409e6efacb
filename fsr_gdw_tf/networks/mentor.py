"""The mentor of MentorNet: a network that gives an example its weight."""

import keras
from keras import layers

PERCENTS = 100  # epochs are known as a percentage of all, 0 to 99
BURN_IN = 18  # the percentage until which weights are one; no mentor sees more


def mentor_network(nodes: int = 20, embedding: int = 5) -> keras.Model:
    """Return a new mentor, which gives logits `[batch, 1]` of a weight.

    Its inputs are `[batch, 1, 2]`, a loss and how far it is above the moving
    average, and `[batch]`, the percentage of epochs that have passed. A
    bidirectional LSTM of one unit reads the first; the embedding of the second
    is random and not trained, as in the authors' code.
    """
    start = keras.initializers.RandomNormal
    losses = keras.Input((1, 2), name="losses")
    percent = keras.Input((), dtype="int32", name="percent")
    states = []
    for backwards in (False, True):
        lstm = layers.LSTM(
            1,
            return_state=True,
            go_backwards=backwards,
            unit_forget_bias=False,
            unroll=True,  # one step: no loop in the graph of training
        )
        states.append(lstm(losses)[2])  # the cell's state, as in the code
    epoch = layers.Embedding(
        PERCENTS,
        embedding,
        embeddings_initializer="glorot_uniform",
        trainable=False,
    )(percent)
    x = layers.Concatenate()([epoch, *states])
    x = layers.Dense(nodes, "tanh", kernel_initializer=start(stddev=1.0))(x)
    x = layers.Dense(1, kernel_initializer=start(stddev=1.0))(x)
    return keras.Model([losses, percent], x, name="mentor")
