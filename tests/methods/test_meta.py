"""Settings that all methods with a virtual step share."""

import pytest

from fsr_gdw_tf import Dictionary, InvalidInput
from fsr_gdw_tf.methods import GDW


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("pusher", ["meta_margin", "unmixed_margin"])
def test_without_a_virtual_step_there_is_no_margin_of_it(pusher):
    with pytest.raises(InvalidInput, match="needs ahead=True; take another"):
        GDW(scope="head", meta=Dictionary(pusher=pusher), ahead=False)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"meta_every": 0}, "1 or more steps, got 0"),
        ({"meta_every": 2}, "meta_every=2 needs ahead=False"),
        (
            {"meta_every": 2, "ahead": False, "meta": "dictionary"},
            "needs a clean meta set",
        ),
        (
            {"meta_every": 2, "ahead": False, "meta_statistics": "joint"},
            "needs meta_statistics 'batch' or 'moving'",
        ),
    ],
)
def test_what_cannot_be_remembered_is_refused(settings, message):
    with pytest.raises(InvalidInput, match=message):
        GDW(**settings)
