"""D2L: labels count less as the dimension of the features grows.

Ma et al., "Dimensionality-Driven Learning with Noisy Labels",
https://arxiv.org/abs/1806.02612. Constants are those of the authors' code for
CIFAR-10: 10 batches of 128, 20 neighbours, a window of 5 epochs after the first
10 (CIFAR-100: 20). As in that code the prediction that is mixed into the label
is a one-hot class, not probabilities, and the weights from before the dimension
turned upwards are not restored (the code reloads what it has just saved).
"""

import gin
import keras
import numpy as np
import tensorflow as tf
from sklearn.metrics import pairwise_distances

from fsr_gdw_tf import losses
from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.errors import INF, require_range
from fsr_gdw_tf.example_state import require_indices
from fsr_gdw_tf.method import Method, current_epoch

TINY = 1e-8


@gin.register
class D2L(Method):
    """Labels alpha y + (1 - alpha) prediction, changed once features expand.

    alpha = exp(-epoch / epochs * d / d_min), with d the local intrinsic
    dimension of the features and d_min its lowest value so far. Until d turns
    upwards, alpha is one.

    start, window: from epoch start + window on, d is compared with the mean and
        the standard deviation of its last `window` values.
    neighbours: number of neighbours, within a batch, that give d.
    examples, batch_size: number of examples, and of a batch, that d is
        estimated from.
    """

    def __init__(
        self,
        start: int = 10,
        window: int = 5,
        neighbours: int = 20,
        examples: int = 1280,
        batch_size: int = 128,
        seed: int = 0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        require_range(0, INF, start=start)
        require_range(1, INF, window=window, neighbours=neighbours)
        require_range(3, INF, examples=examples, batch_size=batch_size)
        self.start, self.window = int(start), int(window)
        self.neighbours, self.examples = neighbours, examples
        self.batch_size, self.seed = batch_size, seed
        self.history, self.lowest, self.alpha = (
            self.add_weight(
                shape=shape, initializer=value, trainable=False, name=name
            )
            for name, shape, value in (
                ("history", (self.window,), "zeros"),
                ("lowest", (), keras.initializers.Constant(INF)),
                ("alpha", (), "ones"),
            )
        )

    def setup(self, classifier, source, pipeline) -> None:
        require_indices("D2L", source)
        self.load = pipeline.loader(source, random=False)

    def begin_epoch(self, classifier, source, clean) -> None:
        epoch, epochs = current_epoch(classifier)
        past = np.array(self.history)
        dimension = self.mean_dimension(classifier, source)
        # It is not positive where features of neighbours coincide.
        dimension = dimension if dimension > 0 else past[-1]
        if dimension <= 0:
            return
        lowest = min(float(np.array(self.lowest)), dimension)
        has_window = epoch >= self.start + self.window and past.min() > 0
        turned = has_window and dimension - past.mean() > 2 * past.std()
        if turned or np.array(self.alpha) < 1.0:
            self.alpha.assign(np.exp(-epoch / epochs * dimension / lowest))
        self.lowest.assign(lowest)
        self.history.assign([*past[1:], dimension])

    def mean_dimension(self, classifier: keras.Model, source: Source) -> float:
        """Return the mean local dimension of some examples' features."""
        epoch, _ = current_epoch(classifier)
        rng = np.random.default_rng([self.seed, epoch])
        sample = rng.permutation(len(source))[: self.examples]
        n_batches = max(len(sample) // self.batch_size, 1)
        sample = sample[: n_batches * self.batch_size]
        dimensions = []
        # Neighbours are those of a batch, so a shorter last one is left out.
        for index in np.array_split(sample, n_batches):
            features = classifier.features(
                self.load(index, epoch), training=False
            )
            features = np.reshape(features, (len(index), -1))
            dimensions.append(local_dimensions(features, self.neighbours))
        return float(np.concatenate(dimensions).mean())

    def objective(self, batch, logits, omega) -> tf.Tensor:
        label = tf.cast(batch["label"], logits.dtype)
        alpha = tf.cast(self.alpha.value, logits.dtype)
        predicted = tf.one_hot(tf.argmax(logits, axis=1), logits.shape[-1])
        predicted = tf.cast(predicted, logits.dtype)
        target = alpha * label + (1 - alpha) * predicted
        return losses.cross_entropy(target, logits)

    def epoch_logs(self, source) -> dict[str, float]:
        return {
            "given_label_share": float(np.array(self.alpha)),
            "feature_dimension": float(np.array(self.history)[-1]),
        }


def local_dimensions(points: np.ndarray, neighbours: int) -> np.ndarray:
    """Return -k / sum_i log(r_i / r_k) of each point.

    r_i is its distance to the i-th nearest neighbour, i = 1 to k.
    """
    k = min(neighbours, len(points) - 1)
    distances = pairwise_distances(points.astype(np.float64))
    r = np.sort(distances, axis=1)[:, 1 : k + 1]  # the nearest is itself
    ratio = r / np.maximum(r[:, -1:], TINY)
    return -k / np.log(ratio + TINY).sum(axis=1)
