"""Scores by which examples become members of the dictionary: the pushers.

FSR, section 4.1 and Fig. 5 right. Each pusher takes what a step has computed
for its batch and returns the new score of each example; higher is better.
"""

from typing import NamedTuple

import tensorflow as tf

from fsr_gdw_tf import losses

MOMENTUM = 0.9  # lambda of Algorithm 1
# An example's predictions so far: never right; right the last time; wrong the
# last time, but right before.
NEVER, RIGHT, WRONG = 0.0, 1.0, 2.0


class ScoreInputs(NamedTuple):
    """What a step has computed for its examples.

    With MixUp `loss` is that of the mixed example; all other fields are those
    of the un-mixed one.
    """

    score: tf.Tensor  # before this step
    visits: tf.Tensor  # before this step
    history: tf.Tensor  # NEVER, RIGHT or WRONG, before this step
    label: tf.Tensor  # [batch, classes]
    loss: tf.Tensor
    logits_after: tf.Tensor  # [batch, classes], after the virtual step
    logits_unmixed: tf.Tensor  # [batch, classes], before the virtual step

    @property
    def loss_after(self) -> tf.Tensor:
        """Return the un-mixed example's loss after the virtual step."""
        return losses.cross_entropy(self.label, self.logits_after)

    def blend(self, value: tf.Tensor) -> tf.Tensor:
        """Return lambda P + (1 - lambda) value, as in Algorithm 1."""
        value = tf.cast(value, self.score.dtype)
        return MOMENTUM * self.score + (1.0 - MOMENTUM) * value


def meta_margin(inputs: ScoreInputs) -> tf.Tensor:
    """Score by the loss minus the loss after the virtual step: Eq. 5, code.

    With MixUp the first loss is that of the mixed example. Without this
    mismatch the margin hardly separates clean from mislabelled examples (see
    `unmixed_margin`).
    """
    return inputs.blend(inputs.loss - inputs.loss_after)


def unmixed_margin(inputs: ScoreInputs) -> tf.Tensor:
    """Score by Eq. 5 as printed: the un-mixed example, before and after."""
    before = losses.cross_entropy(inputs.label, inputs.logits_unmixed)
    return inputs.blend(before - inputs.loss_after)


def negative_loss(inputs: ScoreInputs) -> tf.Tensor:
    """Score by minus the loss after the virtual step."""
    return inputs.blend(-inputs.loss_after)


def max_margin(inputs: ScoreInputs) -> tf.Tensor:
    """Score by the largest probability minus the second, whatever the label."""
    top = tf.math.top_k(tf.nn.softmax(inputs.logits_after), 2).values
    return inputs.blend(top[:, 0] - top[:, 1])


def area_under_margin(inputs: ScoreInputs) -> tf.Tensor:
    """Score by the label's logit minus the largest other, mean over visits.

    Pleiss et al., https://arxiv.org/abs/2001.10528.
    """
    after = inputs.logits_after
    label = tf.cast(inputs.label, after.dtype)
    label_logit = tf.reduce_sum(label * after, axis=1)
    other = tf.reduce_max(after + label * after.dtype.min, axis=1)
    margin = tf.cast(label_logit - other, inputs.score.dtype)
    return inputs.score + (margin - inputs.score) / (inputs.visits + 1.0)


def forgetting(inputs: ScoreInputs) -> tf.Tensor:
    """Score by minus the forgetting events; examples never right come last.

    Toneva et al., https://arxiv.org/abs/1812.05159.
    """
    right = predicted_right(inputs)
    event = tf.cast((inputs.history == RIGHT) & ~right, inputs.score.dtype)
    learned = inputs.history != NEVER
    score = tf.where(learned, inputs.score - event, tf.zeros_like(inputs.score))
    return tf.where(right | learned, score, -(inputs.visits + 1.0))


def predicted_right(inputs: ScoreInputs) -> tf.Tensor:
    """Return whether the un-mixed example's prediction is its label."""
    label = tf.argmax(inputs.label, axis=1)
    return tf.argmax(inputs.logits_after, axis=1) == label


def next_history(inputs: ScoreInputs) -> tf.Tensor:
    """Return the history of each example after this step."""
    return prediction_history(inputs.history, predicted_right(inputs))


def prediction_history(history: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """Return NEVER, RIGHT or WRONG after one more prediction."""
    if_wrong = tf.where(history == NEVER, NEVER, WRONG)
    return tf.where(right, RIGHT, if_wrong)


PUSHERS = {
    pusher.__name__: pusher
    for pusher in (
        meta_margin,
        unmixed_margin,
        negative_loss,
        max_margin,
        area_under_margin,
        forgetting,
    )
}
# Pushers that score the effect of a virtual step, and so need one.
VIRTUAL_STEP_PUSHERS = (meta_margin, unmixed_margin)
