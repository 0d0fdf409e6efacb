"""Losses before and after the virtual step."""

import numpy as np
import pytest
import tensorflow as tf
from support.figures import fit_mislabelled, third_mislabelled
from support.models import classifier

from fsr_gdw_tf import FSR, Dictionary
from fsr_gdw_tf.method import OmegaUpdate
from fsr_gdw_tf.recorders.virtual_step_stats import VirtualStepStats


def test_losses_before_and_after_the_virtual_step_by_hand():
    """ln 3 with logits of zero; ln 2 where the label's odds are 2 : 1 : 1."""
    source, stats = third_mislabelled(), VirtualStepStats()
    stats.setup(None, source, None)
    label = tf.one_hot(source.labels[:12], 3)
    before, after = tf.zeros((12, 3)), label * np.log(2.0)
    omega = OmegaUpdate(logits_before=before, logits_after=after)
    stats.observe(None, {"label": label}, None, omega)
    logs = stats.epoch_logs(None, source)
    assert logs["loss_before"] == pytest.approx(np.log(3))
    assert logs["loss_after"] == pytest.approx(np.log(2))


def test_the_method_gives_logits_of_before_and_after():
    """A head of zeros knows nothing before the step, and more after it."""
    model = classifier(FSR(Dictionary(6, 6), warmup=0))
    for v in model.head.variables:
        v.assign(tf.zeros_like(v))
    logs = fit_mislabelled(model)
    assert logs["loss_after"][0] < logs["loss_before"][0] < np.log(3)


def test_losses_are_left_out_where_features_move_with_the_virtual_step():
    head = fit_mislabelled(classifier(FSR(Dictionary(6, 6), warmup=0)))
    assert head["loss_after"][0] < head["loss_before"][0]
    everything = fit_mislabelled(
        classifier(FSR(Dictionary(6, 6), scope="all", warmup=0))
    )
    assert "loss_before" not in everything and "purity" in everything
