"""A method from its name or its class."""

import numpy as np
import pytest

from fsr_gdw_tf import FSR, GDW, InvalidInput, methods
from fsr_gdw_tf.methods.named import as_method


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ("gdw", GDW),
        ("GDW", GDW),
        (GDW, GDW),
        (FSR, FSR),
        ("class_balanced", methods.ClassBalanced),
        ("ForwardCorrection", methods.ForwardCorrection),
    ],
)
def test_a_name_or_a_class_stands_for_a_method(given, kind):
    assert type(as_method(given)) is kind


def test_an_object_is_used_itself():
    method = GDW(cap=0.5)
    assert as_method(method) is method


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("gdv", "no method 'gdv': did you mean 'gdw'"),
        ("coteaching", r"write CoTeaching\(forget_rate=...\)"),
        (methods.FineTune, r"write FineTune\(start=...\)"),
        (3, "its class or its name, got int"),
        (np.ndarray, "its class or its name, got type"),
    ],
)
def test_wrong_names_are_answered(given, message):
    with pytest.raises(InvalidInput, match=message):
        as_method(given)


@pytest.mark.parametrize("method", [GDW, FSR])
def test_clean_examples_are_an_argument_of_fit(method):
    clean = np.zeros((2, 4)), np.zeros(2)
    with pytest.raises(InvalidInput) as raised:
        method(meta=clean)
    message = str(raised.value)
    assert "\n" not in message and "got a tuple" in message
    assert f"write {method.__name__}(meta=None) and classifier.fit" in message
