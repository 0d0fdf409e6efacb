"""MentorNet with its predefined curriculum: easy examples, then a few more.

Jiang et al., "MentorNet: Learning Data-Driven Curriculum for Very Deep Neural
Networks on Corrupted Labels", https://arxiv.org/abs/1712.05055: the row
"MentorNet PD". Percentile, decay, phases and dropping are those of the authors'
code for 40 % noise. Deviations: the rule itself, where the code trains a
network to imitate it; phases begin with an epoch; the L2 is not scaled by the
weights. The data-driven mentor ("DD") is not here: it is another network,
trained beforehand on the losses of a run whose clean labels are known.
"""

import gin
import keras
import numpy as np
import tensorflow as tf

from fsr_gdw_tf import losses
from fsr_gdw_tf.distribution import collectives
from fsr_gdw_tf.errors import INF, InvalidInput, require_range
from fsr_gdw_tf.methods.reweighting import ReweightingMethod

HARD, LINEAR = 0.19, 0.9  # the share of all epochs after which they begin
DROPPING = 0.17  # and that after which fewer are dropped


@gin.register
class MentorNet(ReweightingMethod):
    """Weight one for losses below a moving average of a percentile.

    percentile: of the losses of a batch; .75 at 20 or 40 % noise, .5 at 80 %.
    decay: of the moving average, which starts at zero.
    width: in the last phase weights fall to zero over this much loss.
    drop: shares of each batch left out at random, early and later.
    """

    def __init__(
        self,
        percentile: float = 0.75,
        decay: float = 0.5,
        width: float = 1.0,
        drop: tuple[float, float] = (0.5, 0.05),
        seed: int = 0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if np.shape(drop) != (2,):
            raise InvalidInput(
                f"drop is two shares, early and later, got {drop}"
            )
        require_range(0, 1 + 1e-9, percentile=percentile)
        require_range(0, 1, decay=decay, early_drop=drop[0], drop=drop[1])
        require_range(1e-6, INF, width=width)
        self.percentile, self.decay = percentile, decay
        self.width, self.drop, self.seed = width, drop, seed
        self.average = keras.Variable(
            0.0, trainable=False, aggregation="only_first_replica"
        )

    def example_weights(self, classifier, batch, logits) -> tf.Tensor:
        loss = losses.cross_entropy(batch["label"], logits)
        loss = tf.cast(tf.stop_gradient(loss), "float32")
        done = tf.cast(
            classifier.epoch.value / classifier.epochs.value, "float32"
        )
        weight = self.curriculum(loss - self.follow(loss), done)
        omega = tf.where(self.stays(classifier, loss, done), weight, 0.0)
        return tf.cast(omega, logits.dtype)[:, None]

    def follow(self, loss: tf.Tensor) -> tf.Tensor:
        """The moving average, this batch's percentile included."""
        ordered = tf.sort(collectives.all_gather(loss))
        last = tf.cast(tf.shape(ordered)[0] - 1, "float32")
        place = tf.cast(tf.round(self.percentile * last), "int32")
        now = tf.gather(ordered, place)
        moved = self.decay * self.average.value + (1.0 - self.decay) * now
        self.average.assign(moved)
        return moved

    def curriculum(self, above: tf.Tensor, done: tf.Tensor) -> tf.Tensor:
        """One; then one below the average; then a little above it, too."""
        hard = tf.cast(above <= 0.0, above.dtype)
        linear = tf.clip_by_value(1.0 - above / self.width, 0.0, 1.0)
        late = tf.where(done < LINEAR, hard, linear)
        return tf.where(done < HARD, tf.ones_like(above), late)

    def stays(self, classifier, loss: tf.Tensor, done: tf.Tensor) -> tf.Tensor:
        """Who is not left out: as many as it takes, at random."""
        n = collectives.global_size(loss)
        step = classifier.optimizer.iterations
        u = collectives.step_uniform(
            step, self.seed, collectives.DRAWING, [n], same=True
        )
        early, later = self.drop
        left = 1.0 - tf.where(done < DROPPING, early, later)
        kept = tf.cast(left * tf.cast(n, "float32") + 1e-3, "int32")
        return collectives.global_ranks(collectives.local_slice(u)) < kept
