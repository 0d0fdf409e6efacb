"""Weights at some step, for methods that go back to them."""

import keras


class WeightSnapshot:
    """A copy of what is trained, as variables of a layer: saved, resumed."""

    def __init__(self, layer: keras.layers.Layer, classifier):
        self.copies = [
            layer.add_weight(
                shape=v.shape,
                dtype=v.dtype,
                initializer="zeros",
                trainable=False,
                name="snapshot",
            )
            for v in _trained(classifier)
        ]
        for copy, v in zip(self.copies, _trained(classifier), strict=True):
            copy.assign(v)

    def restore(self, classifier) -> None:
        """Set the weights back; the optimizer's state stays as it is."""
        for copy, v in zip(self.copies, _trained(classifier), strict=True):
            v.assign(copy)
        if classifier.average:
            classifier.average.reset()


def _trained(classifier) -> list[keras.Variable]:
    """Return the weights, and the statistics of normalisation."""
    return [*classifier.network_variables, *classifier.batch_norm_stats]
