"""MentorNet DD: a curriculum that is learned from labels that are known.

Jiang et al., "MentorNet: Learning Data-Driven Curriculum for Very Deep Neural
Networks on Corrupted Labels", https://arxiv.org/abs/1712.05055: the row
"MentorNet". A mentor learns, from the losses of a plain run, which labels of a
small set are right: the clean images, which are trained on with labels as noisy
as the others. That run ends after the 18 % of the epochs in which weights are
one. Then the mentor weighs the examples of a second run, see
`methods/mentornet.py`. Network, optimizer, gradient clipping and the share of
80 % of the examples for training are those of the authors' code.

Deviations: 3,000 steps of training, of which the rate's decay is a tenth as
long, where the code takes 30,000; a loss is compared with the percentile of its
own epoch, where the code takes that of all epochs, and with the percentile that
weighs later, where the code learns with the 90th. Examples are split, the code
splits losses. The losses are those after an epoch, without augmentation, but
with batch statistics, as in the training that is weighed: with moving ones,
which lag behind in the first epochs, mentors were poor (AUROC .83 and .94 on
digits, seeds 0 and 1; with batch statistics .99 and 1.00).
"""

from collections.abc import Iterator
from pathlib import Path

import gin
import keras
import numpy as np
import tensorflow as tf
from sklearn.metrics import roc_auc_score

from fsr_gdw_tf.callbacks.known_losses import (
    FILE_NAME,
    KnownLosses,
    read_losses,
)
from fsr_gdw_tf.data.splits import stratified_sample
from fsr_gdw_tf.distribution.hosts import print_on_chief
from fsr_gdw_tf.errors import InvalidInput, require_range
from fsr_gdw_tf.io.files import atomic_write, write_json
from fsr_gdw_tf.networks.mentor import BURN_IN, PERCENTS, mentor_network
from fsr_gdw_tf.stages.stage import (
    PLAIN,
    Stage,
    StageInputs,
    setting,
    uses_clean_images,
)

MENTOR = "mentor.keras"
TEST_SHARE = 0.2  # of the examples with known labels


@gin.register
@uses_clean_images
def mentornet_dd(
    inputs: StageInputs,
    mentor: str | None = None,
    noise: float = 0.4,
    percentile: float = 0.6,
    student: bool = True,
) -> Iterator[Stage]:
    """Plan: learn a mentor, unless one is given, and train with it.

    mentor: the path of one that was learned before, on these or other data.
    noise: the rate of wrong labels; the clean images get as many.
    percentile: the share of the examples, about that of right labels, whose
        losses are below the moving average.
    student: False ends with the mentor.
    """
    if mentor is None:
        require_known_labels(inputs, noise)
        params = [
            "Experiment.data=@known_label_splits",
            "known_label_splits.data=@prepare",
            "known_label_splits.corrupt=@corrupt",
            setting("known_label_splits.noise", noise),
            setting("known_label_splits.seed", inputs.seed),
            # The macro EPOCHS stays: it is the length of the schedule.
            setting("Experiment.epochs", observed_epochs(inputs.epochs)),
        ]
        done = yield Stage("mentor", [*params, *PLAIN])
        mentor = done / MENTOR
        if not mentor.is_file():
            losses = read_losses(done / FILE_NAME)
            learn_mentor(losses, inputs.epochs, percentile, mentor, inputs.seed)
    if student:
        path = setting("MentorNet.mentor", Path(mentor))
        weighs = setting("MentorNet.percentile", percentile)
        yield Stage("student", [path, weighs])


def require_known_labels(inputs: StageInputs, noise: float) -> None:
    """Raise unless a mentor can be learned."""
    if inputs.splits.meta is None:
        raise InvalidInput(
            "a mentor is learned from clean images; set META_PER_CLASS, or "
            "pass one that was learned elsewhere, MENTOR"
        )
    require_range(0, 1, noise=noise)
    if not noise:
        raise InvalidInput(
            "a mentor learns to tell wrong labels from right ones; set "
            "FORGET_RATE to the share of labels that are wrong, got 0"
        )


def observed_epochs(epochs: int) -> int:
    """Return how many of these epochs have a percentage of up to BURN_IN."""
    return -(-(BURN_IN + 1) * epochs // PERCENTS)


def learn_mentor(
    losses: KnownLosses,
    epochs: int,
    percentile: float,
    path: Path,
    seed: int,
    steps: int = 3000,
) -> dict:
    """Learn a mentor and save it; return how well it tells labels apart.

    The result is also written, as mentor.json.

    epochs: of the whole training, of which `losses` has the first.
    """
    n = len(losses.right)
    n_test = max(int(TEST_SHARE * n), 1)
    test = stratified_sample(losses.right.astype(int), n_test, seed)
    train = np.setdiff1d(np.arange(n), test)
    records = known_records(losses, epochs, percentile)
    keras.utils.set_random_seed(seed)
    network = fit_mentor(
        *(x[:, train].reshape(-1, *x.shape[2:]) for x in records), steps
    )
    pairs, percents, right = (x[:, test] for x in records)
    held = [pairs.reshape(-1, 1, 2), percents.ravel()]
    logits = network.predict(held, verbose=0).ravel()
    found = {"examples": n, "records": int(records[2].size)}
    if len(np.unique(right)) > 1:
        found["auroc"] = float(roc_auc_score(right.ravel(), logits))
    write_json(path.with_suffix(".json"), found)
    with atomic_write(path) as unfinished:
        network.save(unfinished)
    print_on_chief(f"Mentor: {path}, {found}")
    return found


def known_records(
    losses: KnownLosses, epochs: int, percentile: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what the mentor sees and should say, `[epochs, examples, ...]`.

    That are pairs of a loss and its difference to the percentile of its epoch,
    `[..., 1, 2]`, the percentages of the epochs, and which labels are right.
    """
    loss = losses.loss.astype(np.float32)
    above = loss - np.quantile(loss, percentile, axis=1, keepdims=True)
    pairs = np.stack([loss, above], axis=-1)[..., None, :]
    percents = np.arange(len(loss)) * PERCENTS // epochs
    percents = np.broadcast_to(percents[:, None], loss.shape)
    right = np.broadcast_to(losses.right, loss.shape)
    return pairs, percents.astype(np.int32), right.astype(np.float32)


def fit_mentor(
    pairs: np.ndarray,
    percents: np.ndarray,
    right: np.ndarray,
    steps: int,
    batch_size: int = 32,
) -> keras.Model:
    """Return a mentor whose sigmoid is the probability of a right label."""
    rate = keras.optimizers.schedules.ExponentialDecay(
        0.1, max(steps // 30, 1), 0.9, staircase=True
    )
    mentor = mentor_network()
    mentor.compile(
        keras.optimizers.Adam(rate, global_clipnorm=5.0),
        keras.losses.BinaryCrossentropy(from_logits=True),
        steps_per_execution=min(steps, 100),
        jit_compile=False,
    )
    # As one epoch: thousands of short ones would take minutes.
    data = tf.data.Dataset.from_tensor_slices(((pairs, percents), right))
    data = data.shuffle(len(right), seed=0).repeat().batch(batch_size)
    mentor.fit(data, steps_per_epoch=steps, verbose=0)
    return mentor
