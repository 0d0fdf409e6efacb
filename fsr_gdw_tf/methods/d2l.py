"""D2L: trust labels less as the dimension of the features grows.

Ma et al., "Dimensionality-Driven Learning with Noisy Labels",
https://arxiv.org/abs/1806.02612. Constants are those of the authors' code for
CIFAR-10: 10 batches of 128, 20 neighbours, a window of 5 epochs after the first
10 (CIFAR-100: 20). As in that code the prediction that is mixed into the label
is the class, not its probabilities, and the weights of the epoch before the
turn are not restored (the code reloads what it has just saved).
"""

import gin
import keras
import numpy as np
import tensorflow as tf

from fsr_gdw_tf import losses
from fsr_gdw_tf.errors import INF, require_range
from fsr_gdw_tf.example_state import require_indices
from fsr_gdw_tf.method import Method, current_epoch

TINY = 1e-8


@gin.register
class D2L(Method):
    """alpha y + (1 - alpha) prediction, alpha = exp(-epoch / epochs * growth).

    growth: of the local intrinsic dimension, against its lowest value. Before
    it turns upwards, alpha is one.

    start: epochs before the turn is looked for.
    window: how many epochs the next one is compared with.
    neighbours: of each example within its batch.
    examples, batch_size: what the dimension is estimated from.
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
        self.pipeline = pipeline

    def begin_epoch(self, classifier, source, clean) -> None:
        epoch, epochs = current_epoch(classifier)
        before, now = np.array(self.history), self.dimension(classifier, source)
        now = now if now > 0 else before[-1]  # where features coincide
        if now <= 0:
            return
        lowest = min(float(np.array(self.lowest)), now)
        looked = epoch >= self.start + self.window and before.min() > 0
        turned = looked and now - before.mean() > 2 * before.std()
        if turned or np.array(self.alpha) < 1.0:
            self.alpha.assign(np.exp(-epoch / epochs * now / lowest))
        self.lowest.assign(lowest)
        self.history.assign([*before[1:], now])

    def dimension(self, classifier, source) -> float:
        """Its mean over some examples, as tests see them."""
        epoch, _ = current_epoch(classifier)
        rng = np.random.default_rng([self.seed, epoch])
        chosen = rng.permutation(len(source))[: self.examples]
        whole = max(len(chosen) // self.batch_size, 1)
        found = []
        # Neighbours are sought within batches, so a short one is left out.
        for index in np.array_split(chosen[: whole * self.batch_size], whole):
            inputs = self.pipeline.load_inputs(
                source, index, epoch, random=False
            )
            features = classifier.features(inputs, training=False)
            features = np.reshape(features, (len(index), -1))
            found.append(local_dimensions(features, self.neighbours))
        return float(np.concatenate(found).mean())

    def objective(self, batch, logits, omega) -> tf.Tensor:
        label = tf.cast(batch["label"], logits.dtype)
        alpha = tf.cast(self.alpha.value, logits.dtype)
        seen = tf.one_hot(tf.argmax(logits, axis=1), logits.shape[-1])
        seen = tf.cast(seen, logits.dtype)
        return losses.cross_entropy(alpha * label + (1 - alpha) * seen, logits)

    def epoch_logs(self, source) -> dict[str, float]:
        return {
            "given_label_share": float(np.array(self.alpha)),
            "feature_dimension": float(np.array(self.history)[-1]),
        }


def local_dimensions(points: np.ndarray, neighbours: int) -> np.ndarray:
    """-k / sum_i log(r_i / r_k) of each point, r_i its distance to the i-th."""
    k = min(neighbours, len(points) - 1)
    points = points.astype(np.float64)
    squares = (points**2).sum(axis=1)
    gram = squares[:, None] + squares[None] - 2 * points @ points.T
    r = np.sort(np.sqrt(np.maximum(gram, 0)), axis=1)[:, 1 : k + 1]
    ratio = r / np.maximum(r[:, -1:], TINY)
    return -k / np.log(ratio + TINY).sum(axis=1)
