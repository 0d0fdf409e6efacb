"""Weights as they once were: what methods that start anew go back to."""

import keras


class Rewind:
    """A copy of what is trained, kept on a part, and so in checkpoints."""

    def __init__(self, part: keras.layers.Layer, learner):
        self.copies = [
            part.add_weight(
                shape=v.shape,
                dtype=v.dtype,
                initializer="zeros",
                trainable=False,
                name="kept",
            )
            for v in _moving(learner)
        ]
        for copy, v in zip(self.copies, _moving(learner), strict=True):
            copy.assign(v)

    def go_back(self, learner) -> None:
        """To the weights of then; the optimizer goes on from now."""
        for copy, v in zip(self.copies, _moving(learner), strict=True):
            v.assign(copy)
        for average, v in zip(
            learner.averages, learner.network_variables, strict=False
        ):
            average.assign(v)


def _moving(learner) -> list[keras.Variable]:
    """What is trained, and what normalisation has seen."""
    return [*learner.network_variables, *learner.statistics]
