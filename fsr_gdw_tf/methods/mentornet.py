"""MentorNet with its predefined curriculum: small losses first.

Jiang et al., "MentorNet: Learning Data-Driven Curriculum for Very Deep Neural
Networks on Corrupted Labels", https://arxiv.org/abs/1712.05055: the row
"MentorNet PD". Percentile, decay, phases and dropping are those of the authors'
code for 40 % noise. Deviations: the rule itself is computed, where the code
trains a network to imitate it; phases begin with an epoch; the L2 is not scaled
by the weights. The data-driven mentor ("DD") is not implemented: it is another
network, trained beforehand on the losses of a run with known clean labels.
"""

import gin
import keras
import numpy as np
import tensorflow as tf

from fsr_gdw_tf import losses
from fsr_gdw_tf.distribution import collectives
from fsr_gdw_tf.errors import INF, InvalidInput, require_range
from fsr_gdw_tf.methods.reweighting import ReweightingMethod

# Shares of all epochs after which a phase begins.
HARD, LINEAR = 0.19, 0.9  # weights of zero or one; falling linearly
LATE_DROP = 0.17  # the second rate of dropping


@gin.register
class MentorNet(ReweightingMethod):
    """Weight one for losses below a moving average of a percentile.

    percentile: of a batch's losses; .75 at 20 or 40 % noise, .5 at 80 %.
    decay: of the moving average, which starts at zero.
    width: the last phase's weights fall from one to zero between the average
        and the average plus this width.
    drop: the shares of each batch with weight zero at random, early and late.
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
        if not isinstance(drop, (list, tuple, np.ndarray)) or len(drop) != 2:
            raise InvalidInput(
                f"drop is two shares, early and late, got {drop}"
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
        weight = self.curriculum(loss - self.update_average(loss), done)
        kept = self.random_mask(classifier, loss, done)
        omega = tf.where(kept, weight, 0.0)
        return tf.cast(omega, logits.dtype)[:, None]

    def update_average(self, loss: tf.Tensor) -> tf.Tensor:
        """Add the batch's percentile to the moving average, and return it."""
        ordered = tf.sort(collectives.all_gather(loss))
        last = tf.cast(tf.shape(ordered)[0] - 1, "float32")
        position = tf.cast(tf.round(self.percentile * last), "int32")
        current = tf.gather(ordered, position)
        average = self.decay * self.average.value + (1.0 - self.decay) * current
        self.average.assign(average)
        return average

    def curriculum(self, margin: tf.Tensor, done: tf.Tensor) -> tf.Tensor:
        """Return weights for losses this far above the average.

        `done` is the share of epochs that have passed, which gives the phase.
        """
        hard = tf.cast(margin <= 0.0, margin.dtype)
        linear = tf.clip_by_value(1.0 - margin / self.width, 0.0, 1.0)
        late = tf.where(done < LINEAR, hard, linear)
        return tf.where(done < HARD, tf.ones_like(margin), late)

    def random_mask(
        self, classifier: keras.Model, loss: tf.Tensor, done: tf.Tensor
    ) -> tf.Tensor:
        """Return a random mask of examples that keep their weight."""
        n = collectives.global_size(loss)
        step = classifier.optimizer.iterations
        u = collectives.step_uniform(
            step, self.seed, collectives.DRAWING, [n], same=True
        )
        early, late = self.drop
        keep_rate = 1.0 - tf.where(done < LATE_DROP, early, late)
        # The 1e-3 makes up for a product that is rounded below an integer.
        n_kept = tf.cast(keep_rate * tf.cast(n, "float32") + 1e-3, "int32")
        return collectives.global_ranks(collectives.local_slice(u)) < n_kept
