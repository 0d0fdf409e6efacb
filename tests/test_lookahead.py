"""The scopes of the virtual step."""

import pytest
from support.gradients import built
from support.method_cases import fit
from support.models import classifier

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.lookahead import scope_variables
from fsr_gdw_tf.methods import GDW


@pytest.mark.usefixtures("double")
def test_scopes_hold_what_their_names_say():
    classifier = built(GDW(), batch_norm=True)

    def owners(scope):
        return [
            v.path.split("/")[-2] for v in scope_variables(classifier, scope)
        ]

    assert owners("head") == ["head"] * 2
    assert owners("high") == ["high"] * 2 + ["head"] * 2
    assert owners("norm") == ["norm"] * 2 + ["high"] * 2 + ["head"] * 2
    assert owners("all")[:2] == ["low"] * 2
    with pytest.raises(
        InvalidInput, match=r"no layer matches .* 'hihg'.*'high'"
    ):
        scope_variables(classifier, "hihg")


def test_a_scope_that_matches_nothing_is_told_before_training():
    with pytest.raises(InvalidInput, match="no layer matches the scope 'stem'"):
        fit(classifier(GDW(scope="stem")))
