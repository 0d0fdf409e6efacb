"""Weights of examples: wrong labels weigh less."""

import numpy as np
import pytest
from support.models import blob_source, classifier, mislabelled

from fsr_gdw_tf import WeightNet
from fsr_gdw_tf.methods import GDW, L2RW, MWNet
from fsr_gdw_tf.optimizers import Adam


@pytest.mark.parametrize(
    "method",
    [
        L2RW,
        # Without the warm-up the net ends at one for everybody.
        lambda: MWNet(WeightNet(optimizer=Adam(1e-2)), warmup=4),
        GDW,
        lambda: GDW(scope="head"),
    ],
)
def test_mislabelled_examples_weigh_less(method):
    model = classifier(method())
    clean = blob_source(n=12, seed=7)
    logs = model.fit(
        mislabelled(), meta=clean, batch_size=30, epochs=15, verbose=0
    ).history
    assert logs["weight_clean"][-1] > 1.1 * logs["weight_mislabelled"][-1]
    assert logs["weight_auroc"][-1] > 0.6
    assert logs["weight_std"][-1] > 0.01


def test_weights_that_are_no_numbers_do_not_hide_the_reason():
    """A diverged run still logs what it has."""
    model = classifier(GDW())
    model.method.weight_net.net.layers[1].kernel.assign(
        np.full((100, 1), np.nan)
    )
    logs = model.fit(
        mislabelled(), meta=blob_source(n=12, seed=7), verbose=0
    ).history
    assert np.isnan(logs["weight_mean"][0])
