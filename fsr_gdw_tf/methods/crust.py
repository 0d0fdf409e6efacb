"""CRUST: train on the half of each class with the most central gradients.

Mirzasoleiman et al., "Coresets for Robust Training of Neural Networks against
Noisy Labels", https://arxiv.org/abs/2011.07451. The rule and its constants are
those of the authors' code, which differs from the text: it selects the examples
with the smallest sum of distances to their class (text: greedy facility
location), and mixes images with others of the same given label (text: of the
same cluster). Deviations: gradients are taken without augmentation, in
inference mode; batches are drawn from all examples, and those not selected have
weight zero, so that a batch trains on about half of its size; images are mixed
with others of their own batch. The code's radius is larger than all distances:
each selected example's weight is the size of its class.
"""

import gin
import numpy as np
import tensorflow as tf
from sklearn.metrics import pairwise_distances_chunked

from fsr_gdw_tf.distribution import collectives
from fsr_gdw_tf.errors import InvalidInput, require_range
from fsr_gdw_tf.example_state import (
    example_table,
    require_indices,
    require_table_fits,
)
from fsr_gdw_tf.method import epochs_since_warmup, warmup_done
from fsr_gdw_tf.methods.reweighting import ReweightingMethod, mean_one
from fsr_gdw_tf.regularisers.mixup import mix_inputs, require_mixable


@gin.register
class CRUST(ReweightingMethod):
    """Weight zero for examples whose gradient is far from their class.

    share: the share of each class that is selected, again before each epoch.
    radius: the weight is the number of neighbours within this distance.
    blend: b of Beta(1, b), the share of its own image that an example keeps in
        a mixture; 0 switches mixing off.
    """

    def __init__(
        self,
        share: float = 0.5,
        radius: float = 2.0,
        blend: float = 0.1,
        warmup: float = 5,
        seed: int = 0,
        **kwargs,
    ):
        super().__init__(warmup=warmup, **kwargs)
        require_range(1e-6, 1 + 1e-9, share=share)
        require_range(0, 10, blend=blend)
        require_range(1e-30, np.inf, radius=radius)
        self.share, self.radius = share, radius
        self.blend, self.seed = blend, seed
        self.selected = None

    def setup(self, classifier, source, pipeline) -> None:
        require_indices("CRUST", source)
        if self.blend:
            require_mixable(classifier.features, "CRUST", "take blend=0")
        if getattr(classifier.head, "kernel", None) is None:
            raise InvalidInput(
                "CRUST computes gradients on the features from the kernel of "
                "a last Dense layer, which this network does not end in; "
                "choose another method"
            )
        width = classifier.head.kernel.shape[0]
        require_table_fits((len(source), width), "choose another method")
        super().setup(classifier, source, pipeline)
        self.pipeline = pipeline
        if self.selected is None:
            self.selected = example_table(self, "selected", len(source), 1.0)

    def begin_epoch(self, classifier, source, clean) -> None:
        if epochs_since_warmup(classifier, self.warmup) < 0:
            return
        probs = classifier.predict_probs(source, pipeline=self.pipeline)
        # The loss's gradient on the features, from p - y and the head.
        probs[np.arange(len(source)), source.labels] -= 1
        gradients = (
            probs
            @ np.array(classifier.head.kernel).T
            / self.pipeline.batch_size
        )
        weights = np.zeros(len(source), np.float32)
        for k in np.unique(source.labels):
            members = np.flatnonzero(source.labels == k)
            weights[members] = coreset_weights(
                gradients[members], self.share, self.radius
            )
        self.selected.assign(weights)

    def prepare(self, classifier, batch):
        # Mix images with others of the same given label.
        if not self.blend:
            return batch
        n = tf.shape(batch["label"])[0]
        u = collectives.step_uniform(
            classifier.optimizer.iterations,
            self.seed,
            collectives.MIXING,
            [n + 1, n],
        )
        same = batch["label"] @ tf.transpose(batch["label"])
        partner = tf.argmax(tf.cast(same, u.dtype) * (u[:n] + 1e-6), axis=1)
        # A draw of Beta(1, blend), by the inverse of its distribution function.
        share = 1.0 - u[n, 0] ** (1.0 / self.blend)
        share = tf.where(warmup_done(classifier, self.warmup), share, 1.0)
        share = tf.repeat(share, n)
        inputs = mix_inputs(classifier, batch["inputs"], partner, share)
        return {**batch, "inputs": inputs}

    def example_weights(self, classifier, batch, logits) -> tf.Tensor:
        omega = mean_one(tf.gather(self.selected.value, batch["index"]))
        return tf.cast(omega, logits.dtype)[:, None]


def coreset_weights(
    points: np.ndarray, share: float, radius: float
) -> np.ndarray:
    """Return weights: neighbour counts of the most central points, else zero.

    Central points have the smallest sum of distances to all others.
    """

    def sum_and_count(distances, start):
        near = (distances < radius).sum(axis=1)
        return np.stack([distances.sum(axis=1), near], axis=1)

    chunks = pairwise_distances_chunked(points, reduce_func=sum_and_count)
    sums, n_near = np.concatenate(list(chunks)).T
    n_selected = max(int(share * len(points)), 1)
    selected = np.argsort(sums, kind="stable")[:n_selected]
    weights = np.zeros(len(points), np.float32)
    weights[selected] = n_near[selected]
    return weights
