"""A mentor that learns from labels that are known."""

import json

import numpy as np
import pytest
from support.models import blob_source, classifier

from fsr_gdw_tf import InputPipeline, InvalidInput
from fsr_gdw_tf.callbacks.known_losses import KnownLosses
from fsr_gdw_tf.data.splits import Splits
from fsr_gdw_tf.io.run_folder import RunFolder
from fsr_gdw_tf.methods import MentorNet
from fsr_gdw_tf.stages import StageInputs, mentornet_dd
from fsr_gdw_tf.stages.mentornet_dd import (
    known_records,
    learn_mentor,
    observed_epochs,
)


def test_what_a_mentor_sees_of_two_epochs():
    """The median of 1, 2, 6 is 2, that of 0, 4, 8 is 4; one of four is 25 %."""
    losses = KnownLosses(
        np.array([[1.0, 2, 6], [0, 4, 8]]), np.array([True, True, False])
    )
    pairs, percents, right = known_records(losses, 4, 0.5)
    assert pairs[0, :, 0].tolist() == [[1, -1], [2, 0], [6, 4]]
    assert pairs[1, :, 0].tolist() == [[0, -4], [4, 0], [8, 4]]
    assert percents.tolist() == [[0, 0, 0], [25, 25, 25]]
    assert right.tolist() == [[1, 1, 0]] * 2


def test_the_first_run_ends_where_weights_begin():
    """Of 60 epochs the twelfth begins at 18 %, the next one at 20 %."""
    assert [observed_epochs(n) for n in (60, 100, 1)] == [12, 19, 1]


def known_losses(n=50, epochs=4) -> KnownLosses:
    """Losses about 0.5 of right labels, about 3 of wrong ones."""
    rng = np.random.default_rng(0)
    right = np.arange(n) % 5 > 1
    loss = rng.normal(np.where(right, 0.5, 3.0), 0.4, (epochs, n))
    return KnownLosses(np.maximum(loss, 0), right)


def test_a_mentor_gives_small_losses_their_weight(tmp_path):
    """Learned, saved, and used by the method after its first epochs."""
    path = tmp_path / "mentor.keras"
    found = learn_mentor(known_losses(), 20, 0.6, path, seed=0, steps=600)
    assert (found["examples"], found["records"]) == (50, 200)
    assert found["auroc"] > 0.95
    assert json.loads((tmp_path / "mentor.json").read_text()) == found
    method = MentorNet(mentor=path)
    loss = np.float32([0.3, 0.7, 3.0, 4.0])
    above = loss - 1.0
    early = method.learned_weights(loss, above, np.float32(0.16))
    assert np.array(early).tolist() == [1, 1, 1, 1]
    late = np.array(method.learned_weights(loss, above, np.float32(0.5)))
    assert (late[:2] > 0.8).all() and (late[2:] < 0.2).all()
    # From 18 % on the mentor always sees 18.
    last = method.learned_weights(loss, above, np.float32(0.99))
    np.testing.assert_array_equal(last, late)


def inputs(folder, meta=None) -> StageInputs:
    splits = Splits(blob_source(), blob_source(seed=1), meta)
    return StageInputs(RunFolder(folder), splits, InputPipeline(), 10, 0)


def test_a_given_mentor_is_not_learned_again(tmp_path):
    (stage,) = mentornet_dd(inputs(tmp_path), mentor="m.keras", percentile=0.8)
    assert stage == (
        "student",
        ["MentorNet.mentor='m.keras'", "MentorNet.percentile=0.8"],
    )


def test_what_a_mentor_needs_is_said_in_one_line(tmp_path):
    with pytest.raises(InvalidInput, match="learned from clean images"):
        next(mentornet_dd(inputs(tmp_path)))
    with pytest.raises(InvalidInput, match="share of labels that are wrong"):
        next(mentornet_dd(inputs(tmp_path, blob_source(n=9)), noise=0.0))
    with pytest.raises(InvalidInput, match="damaged, or not what its name"):
        MentorNet(mentor=tmp_path / "mentor.keras")


def test_another_network_is_no_mentor():
    with pytest.raises(InvalidInput, match=r"of shape \[\(None, 4\)\]"):
        MentorNet(mentor=classifier().network)
