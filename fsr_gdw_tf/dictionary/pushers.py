"""What makes an example a member of the dictionary: one function per score.

FSR calls them pushers (section 4.1, Fig. 5 right). Each takes what a step has
seen of its batch and gives the new score of each example; higher is better.
"""

from typing import NamedTuple

import tensorflow as tf

from fsr_gdw_tf import losses

MOMENTUM = 0.9  # lambda of Algorithm 1
NEVER, RIGHT, WRONG = 0.0, 1.0, 2.0  # predicted right: never, last time, before


class ScoreInputs(NamedTuple):
    """What a step has seen of its examples.

    With MixUp the step's own loss is that of the mixed example; all else
    belongs to the un-mixed one.
    """

    score: tf.Tensor  # before this step
    visits: tf.Tensor  # before this step
    memory: tf.Tensor  # NEVER, RIGHT or WRONG, before this step
    label: tf.Tensor  # [batch, classes]
    loss: tf.Tensor
    logits_after: tf.Tensor  # [batch, classes], after the virtual step
    logits_unmixed: tf.Tensor  # [batch, classes], before the virtual step

    @property
    def loss_after(self) -> tf.Tensor:
        """The un-mixed example's loss after the virtual step."""
        return losses.cross_entropy(self.label, self.logits_after)

    def blend(self, value: tf.Tensor) -> tf.Tensor:
        """P <- lambda P + (1 - lambda) value, as in Algorithm 1."""
        value = tf.cast(value, self.score.dtype)
        return MOMENTUM * self.score + (1.0 - MOMENTUM) * value


def meta_margin(sight: ScoreInputs) -> tf.Tensor:
    """The loss less the loss after the virtual step: Eq. 5, as in the code.

    With MixUp the first is the mixed example's; without the mismatch the
    margin tells little (see `unmixed_margin`).
    """
    return sight.blend(sight.loss - sight.loss_after)


def unmixed_margin(sight: ScoreInputs) -> tf.Tensor:
    """Eq. 5 as printed: the un-mixed example, before and after."""
    before = losses.cross_entropy(sight.label, sight.logits_unmixed)
    return sight.blend(before - sight.loss_after)


def negative_loss(sight: ScoreInputs) -> tf.Tensor:
    """Small loss after the virtual step."""
    return sight.blend(-sight.loss_after)


def max_margin(sight: ScoreInputs) -> tf.Tensor:
    """A sure prediction, right or wrong: first probability less second."""
    top = tf.math.top_k(tf.nn.softmax(sight.logits_after), 2).values
    return sight.blend(top[:, 0] - top[:, 1])


def area_under_margin(sight: ScoreInputs) -> tf.Tensor:
    """The label's logit less the next highest, averaged over all visits.

    Pleiss et al., https://arxiv.org/abs/2001.10528.
    """
    after = sight.logits_after
    label = tf.cast(sight.label, after.dtype)
    own = tf.reduce_sum(label * after, axis=1)
    other = tf.reduce_max(after + label * after.dtype.min, axis=1)
    margin = tf.cast(own - other, sight.score.dtype)
    return sight.score + (margin - sight.score) / (sight.visits + 1.0)


def forgetting(sight: ScoreInputs) -> tf.Tensor:
    """Minus how often a right prediction was lost; never right comes last.

    Toneva et al., https://arxiv.org/abs/1812.05159.
    """
    right = predicted_right(sight)
    lost = tf.cast((sight.memory == RIGHT) & ~right, sight.score.dtype)
    learned = sight.memory != NEVER
    events = tf.where(learned, sight.score - lost, tf.zeros_like(sight.score))
    return tf.where(right | learned, events, -(sight.visits + 1.0))


def predicted_right(sight: ScoreInputs) -> tf.Tensor:
    """Whether the un-mixed example is predicted as its label."""
    label = tf.argmax(sight.label, axis=1)
    return tf.argmax(sight.logits_after, axis=1) == label


def next_memory_of(sight: ScoreInputs) -> tf.Tensor:
    """The new memory of each example."""
    return remembered(sight.memory, predicted_right(sight))


def remembered(memory: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """NEVER, RIGHT or WRONG, after a prediction that was right or not."""
    missed = tf.where(memory == NEVER, NEVER, WRONG)
    return tf.where(right, RIGHT, missed)


PUSHERS = {
    p.__name__: p
    for p in (
        meta_margin,
        unmixed_margin,
        negative_loss,
        max_margin,
        area_under_margin,
        forgetting,
    )
}
VIRTUAL_STEP_PUSHERS = (
    meta_margin,
    unmixed_margin,
)  # of what the virtual step changes
