"""Each method in the limit where it is plain training."""

import keras
import numpy as np
import pytest
from support.models import CLEAN, trained, weights

from fsr_gdw_tf import ClassBalanced
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

LIMITS = {
    "no noise": lambda: (ForwardCorrection(np.eye(3)), {}),
    "co-teaching forgets nobody": lambda: (CoTeaching(0.0), {}),
    "mentor lets all pass": lambda: (
        MentorNet(percentile=1.0, decay=0.0, drop=(0.0, 0.0)),
        {},
    ),
    "coreset of all": lambda: (CRUST(1.0, radius=1e9, blend=0, warmup=0), {}),
    "labels do not move": lambda: (SoftLabel(rate=0.0), CLEAN),
    "no turn": lambda: (D2L(), {}),
    "pencil in its first phase": lambda: (PENCIL(warmup=3), {}),
    "gen-label in its first stage": lambda: (GenLabel(warmup=3), CLEAN),
    "deferred beyond the end": lambda: (ClassBalanced("focal", warmup=3), {}),
}


class KeepKernels(keras.callbacks.Callback):
    """Keeps the first kernel after each epoch."""

    def __init__(self, kept: list[np.ndarray]):
        super().__init__()
        self.kept = kept

    def on_epoch_end(self, epoch, logs=None):
        self.kept.append(weights(self.model)[0])


@pytest.fixture(scope="module")
def plain() -> list[np.ndarray]:
    """Return the weights after plain training."""
    return trained()


@pytest.mark.parametrize("case", LIMITS)
@pytest.mark.filterwarnings("ignore:.*this is plain training")
@pytest.mark.filterwarnings("ignore:.*two plain networks")
def test_in_its_limit_it_is_plain_training(case, plain):
    method, uses = LIMITS[case]()
    for a, b in zip(plain, trained(method, **uses), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_a_deferred_method_is_plain_first_and_itself_then():
    """Sigmoid losses differ from cross-entropy from the first step on."""
    late, plain = [], []
    for method, kept in (
        (ClassBalanced("sigmoid", warmup=2), late),
        (None, plain),
    ):
        trained(method, callbacks=[KeepKernels(kept)])
    same = [
        np.allclose(a, b, rtol=1e-5, atol=1e-7)
        for a, b in zip(late, plain, strict=True)
    ]
    assert same == [True, True, False]
