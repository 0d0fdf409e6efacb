"""Each method in the limit where it is plain training."""

import numpy as np
import pytest
from support.models import CLEAN, trained

from fsr_gdw_tf import ClassBalanced, Supervised
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


@pytest.mark.parametrize("case", LIMITS)
@pytest.mark.filterwarnings("ignore:.*this is plain training")
@pytest.mark.filterwarnings("ignore:.*two plain networks")
def test_in_its_limit_it_is_plain_training(case):
    method, uses = LIMITS[case]()
    for a, b in zip(trained(), trained(method, **uses), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_a_deferred_method_is_plain_first_and_itself_then():
    """Sigmoid losses differ from cross-entropy from the first step on."""
    late, plain = ClassBalanced("sigmoid", warmup=2), Supervised()
    for epochs, same in ((2, True), (3, False)):
        a, b = trained(late, epochs)[0], trained(plain, epochs)[0]
        assert np.allclose(a, b, rtol=1e-5, atol=1e-7) == same
