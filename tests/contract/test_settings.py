"""Settings and data that methods reject."""

import numpy as np
import pytest
import tensorflow as tf
from support.models import blobs, classifier

from fsr_gdw_tf import ClassBalanced, InvalidInput
from fsr_gdw_tf.methods import (
    CRUST,
    D2L,
    PENCIL,
    CoTeaching,
    ForwardCorrection,
    GenLabel,
    MentorNet,
    SoftLabel,
)
from fsr_gdw_tf.regularisers import Remix

DATA = tf.data.Dataset.from_tensor_slices(blobs()).shuffle(60).batch(20)


def test_methods_that_look_at_all_examples_want_data_with_an_end():
    for method in (ForwardCorrection(), D2L(), CRUST(), PENCIL()):
        with pytest.raises(InvalidInput, match="needs stable indices"):
            classifier(method).fit(DATA.repeat(), steps_per_epoch=3, verbose=0)


@pytest.mark.parametrize("method", [ForwardCorrection, D2L, CRUST, PENCIL])
def test_methods_that_look_at_all_examples_take_a_shuffled_dataset(method):
    """They predict all examples, or read some of them by number."""
    model = classifier(method(), compiled={"run_eagerly": True})
    logs = model.fit(DATA, epochs=2, verbose=0).history
    assert np.isfinite(logs["loss"]).all()
    assert model.optimizer.iterations == 6


BAD = {
    "forget_rate": (lambda: CoTeaching(1.0), "forget_rate must be in"),
    "rise": (lambda: CoTeaching(0.2, rise=0), "rise must be 1 or more"),
    "quantile": (lambda: ForwardCorrection(quantile=2), "quantile must be in"),
    "percentile": (lambda: MentorNet(percentile=-1), "percentile must be in"),
    "drop": (lambda: MentorNet(drop=(1.0, 0)), "early_drop must be in"),
    "share": (lambda: CRUST(0), "share must be in"),
    "kappa": (lambda: Remix(kappa=0.5), "kappa must be 1 or more"),
    "rate": (lambda: SoftLabel(rate=-1), "rate must be 0 or more"),
    "warmup": (lambda: ClassBalanced(warmup=-1), "warmup must be 0 or more"),
    "drops": (lambda: MentorNet(drop=0.5), "drop is two shares"),
    "width": (lambda: MentorNet(width=0), "width must be"),
    "radius": (lambda: CRUST(radius=0), "radius must be"),
    "blend": (lambda: CRUST(blend=-1), "blend must be in"),
    "entropy": (lambda: GenLabel(entropy=-1), "entropy must be 0 or more"),
    "alpha": (lambda: PENCIL(alpha=-1), "alpha must be 0 or more"),
    "phases": (lambda: PENCIL(warmup=0.7, fix=0.3), "never; take a later fix"),
    "start": (lambda: D2L(start=-3), "start must be 0 or more"),
    "neighbours": (lambda: D2L(neighbours=0), "neighbours must be 1 or more"),
    "window": (lambda: D2L(window=0), "window must be 1 or more"),
}


@pytest.mark.parametrize("case", BAD)
def test_numbers_out_of_range_are_refused(case):
    make, message = BAD[case]
    with pytest.raises(InvalidInput, match=message):
        make()
