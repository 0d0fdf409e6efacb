"""Weights as they once were: what methods that start anew go back to."""

import keras


class Rewind:
    """A copy of a network's weights, kept on a part, so in checkpoints too."""

    def __init__(self, part: keras.layers.Layer, learner):
        self.copies = [
            part.add_weight(
                shape=v.shape,
                dtype=v.dtype,
                initializer="zeros",
                trainable=False,
                name="kept",
            )
            for v in _weights(learner)
        ]
        self.keep(learner)

    def keep(self, learner) -> None:
        """From now on go back to the weights of now."""
        for copy, v in zip(self.copies, _weights(learner), strict=True):
            copy.assign(v)

    def go_back(self, learner) -> None:
        """The weights that were kept; the optimizer forgets its moments."""
        for copy, v in zip(self.copies, _weights(learner), strict=True):
            v.assign(copy)
        for average, v in zip(
            learner.averages, learner.network_variables, strict=False
        ):
            average.assign(v)
        clocks = learner.optimizer.iterations, learner.optimizer._learning_rate
        for v in learner.optimizer.variables:
            if not any(v is clock for clock in clocks):
                v.assign(keras.ops.zeros_like(v))


def _weights(learner) -> list[keras.Variable]:
    """What is trained, and what normalisation has seen."""
    return [*learner.features.weights, *learner.head.weights]
