"""MentorNet: a curriculum of small losses first, by a rule or by a network.

Jiang et al., "MentorNet: Learning Data-Driven Curriculum for Very Deep Neural
Networks on Corrupted Labels", https://arxiv.org/abs/1712.05055: the row
"MentorNet PD", and with a learned `mentor` the row "MentorNet DD"
(`stages/mentornet_dd.py` learns one). Percentile, decay, phases and dropping
are those of the authors' code for 40 % noise; so are the weights of one in the
first 17 % of the epochs of DD, and that its mentor then always sees 18 %.
Deviations: the rule of PD itself is computed, where the code trains a network
to imitate it; phases begin with an epoch; the L2 is not scaled by the weights;
the mentor has no embedding of the label, of which the code always feeds 0.
"""

from pathlib import Path

import gin
import keras
import numpy as np
import tensorflow as tf

from fsr_gdw_tf import losses
from fsr_gdw_tf.distribution import collectives
from fsr_gdw_tf.errors import INF, InvalidInput, require_range
from fsr_gdw_tf.io.network_files import load_network
from fsr_gdw_tf.methods.reweighting import ReweightingMethod
from fsr_gdw_tf.networks.mentor import BURN_IN

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
    mentor: a learned mentor, or the path of one, in place of the rule.
    """

    def __init__(
        self,
        percentile: float = 0.75,
        decay: float = 0.5,
        width: float = 1.0,
        drop: tuple[float, float] = (0.5, 0.05),
        seed: int = 0,
        mentor: keras.Model | str | Path | None = None,
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
        self.mentor = load_mentor(mentor) if mentor is not None else None
        self.average = keras.Variable(
            0.0, trainable=False, aggregation="only_first_replica"
        )

    def example_weights(self, classifier, batch, logits) -> tf.Tensor:
        loss = losses.cross_entropy(batch["label"], logits)
        loss = tf.cast(tf.stop_gradient(loss), "float32")
        done = tf.cast(
            classifier.epoch.value / classifier.epochs.value, "float32"
        )
        above = loss - self.update_average(loss)
        if self.mentor is None:
            weight = self.curriculum(above, done)
        else:
            weight = self.learned_weights(loss, above, done)
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

    def learned_weights(
        self, loss: tf.Tensor, above: tf.Tensor, done: tf.Tensor
    ) -> tf.Tensor:
        """Return the mentor's weights; ones in the first epochs."""
        percent = tf.minimum(tf.cast(100.0 * done + 1e-3, "int32"), BURN_IN)
        pairs = tf.stack([loss, above], axis=1)[:, None, :]
        percents = tf.fill(tf.shape(loss), percent)
        logits = self.mentor([pairs, percents], training=False)
        weights = tf.cast(tf.sigmoid(logits[:, 0]), loss.dtype)
        first = percent < BURN_IN - 1
        return tf.where(first, tf.ones_like(loss), weights)

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


def load_mentor(mentor: keras.Model | str | Path) -> keras.Model:
    """Return a mentor, loaded if it is a path, that is not trained further."""
    if isinstance(mentor, (str, Path)):
        mentor = load_network(mentor, "pass the mentor.keras of a run")
    shapes = [tuple(x.shape) for x in getattr(mentor, "inputs", None) or ()]
    if shapes != [(None, 1, 2), (None,)]:
        raise InvalidInput(
            "a mentor takes pairs of losses [batch, 1, 2] and percentages of "
            f"epochs [batch], got a network with inputs of shape {shapes}; "
            "learn one with gin/methods/mentornet_dd.gin"
        )
    mentor.trainable = False
    return mentor
