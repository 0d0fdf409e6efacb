"""Weights as they once were: what methods that start anew go back to."""

import keras


class WeightSnapshot:
    """A copy of what is trained, kept on a part, and so in checkpoints."""

    def __init__(self, part: keras.layers.Layer, classifier):
        self.copies = [
            part.add_weight(
                shape=v.shape,
                dtype=v.dtype,
                initializer="zeros",
                trainable=False,
                name="kept",
            )
            for v in _moving(classifier)
        ]
        for copy, v in zip(self.copies, _moving(classifier), strict=True):
            copy.assign(v)

    def restore(self, classifier) -> None:
        """To the weights of then; the optimizer goes on from now."""
        for copy, v in zip(self.copies, _moving(classifier), strict=True):
            v.assign(copy)
        for average, v in zip(
            classifier.averages, classifier.network_variables, strict=False
        ):
            average.assign(v)


def _moving(classifier) -> list[keras.Variable]:
    """What is trained, and what normalisation has seen."""
    return [*classifier.network_variables, *classifier.batch_norm_stats]
