"""A copy of the network's weights, for methods that restore it later."""

import keras


class WeightSnapshot:
    """A copy of the weights as variables of a layer, so in its checkpoints."""

    def __init__(self, layer: keras.layers.Layer, classifier: keras.Model):
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

    def restore(self, classifier: keras.Model) -> None:
        """Assign the copied weights; the optimizer's state does not change."""
        for copy, v in zip(self.copies, _trained(classifier), strict=True):
            v.assign(copy)
        if classifier.average:
            classifier.average.reset()


def _trained(classifier: keras.Model) -> list[keras.Variable]:
    """Return the weights and the statistics of batch normalisation."""
    return [*classifier.network_variables, *classifier.batch_norm_stats]
