"""Settings that all methods with a virtual step share."""

import pytest

from fsr_gdw_tf import Dictionary, InvalidInput, MetaLoss, VirtualStep
from fsr_gdw_tf.methods import FSR, GDW

NOW = VirtualStep(ahead=False)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("pusher", ["meta_margin", "unmixed_margin"])
def test_without_a_virtual_step_there_is_no_margin_of_it(pusher):
    with pytest.raises(
        InvalidInput, match=r"needs VirtualStep\(ahead=True\); take another"
    ):
        GDW(scope="head", meta=Dictionary(pusher=pusher), virtual_step=NOW)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ahead": True}, r"every=2\) needs VirtualStep\(ahead=False\)"),
        (
            {"meta": "dictionary"},
            "needs a clean meta set",
        ),
        (
            {"statistics": "joint"},
            "needs statistics 'batch' or 'moving'",
        ),
    ],
)
def test_a_meta_gradient_that_cannot_be_cached_is_refused(settings, message):
    settings = {"ahead": False, "meta": None, "statistics": None} | settings
    with pytest.raises(InvalidInput, match=message):
        GDW(
            meta=settings["meta"],
            virtual_step=VirtualStep(ahead=settings["ahead"]),
            meta_loss=MetaLoss(every=2, statistics=settings["statistics"]),
        )


@pytest.mark.parametrize("every", [0, 1.5])
def test_the_meta_gradient_is_taken_every_one_or_more_steps(every):
    with pytest.raises(InvalidInput, match=f"every must be .* got {every}"):
        MetaLoss(every=every)


@pytest.mark.parametrize("average", [1.0, -0.1])
def test_an_average_that_never_changes_is_refused(average):
    with pytest.raises(InvalidInput, match=f"below 1, got {average}"):
        MetaLoss(average=average)


@pytest.mark.parametrize(
    "settings",
    [
        {"rate": "optimiser"},
        {"momentum": 0.9},
        {"rate": -1.0},
        {"ahead": "optimizer"},
    ],
)
def test_a_virtual_step_with_odd_settings_is_refused(settings):
    with pytest.raises(InvalidInput, match=next(iter(settings))):
        VirtualStep(**settings)


def test_settings_that_are_left_out_are_the_methods_own():
    """FSR's virtual step has a rate of .1, momentum and L2; GDW's has none."""
    fsr = FSR(virtual_step=VirtualStep(ahead=True), meta_loss=MetaLoss())
    assert fsr.virtual_step == VirtualStep(
        0.1, "optimizer", True, True, "exact"
    )
    assert fsr.meta_loss == MetaLoss(True, 0.0, "moving", 1, 0.0)
    gdw = GDW(virtual_step=VirtualStep(l2=True))
    assert gdw.virtual_step == VirtualStep(
        "optimizer", False, True, True, "exact"
    )
    assert gdw.meta_loss == MetaLoss(False, 0.0, "batch", 1, 0.0)
