"""The scopes of the virtual step."""

import keras
import numpy as np
import pytest
from support.gradients import built
from support.method_cases import fit
from support.models import blobs, classifier

from fsr_gdw_tf import Classifier, InvalidInput, VirtualStep
from fsr_gdw_tf.methods import GDW
from fsr_gdw_tf.methods.default import default_parts
from fsr_gdw_tf.networks.scope import scope_variables


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


def test_the_virtual_step_of_any_rate_moves_embeddings():
    """Their gradients have the rows of a batch's words alone."""
    rng = np.random.default_rng(0)
    words, y = rng.integers(0, 30, (60, 5)), np.arange(60) % 3
    model = keras.Sequential(
        [
            keras.Input((5,), dtype="int32"),
            keras.layers.Embedding(30, 8),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(3),
        ]
    )
    method = GDW(virtual_step=VirtualStep(rate=0.1))
    wrapped = Classifier.wrap(model, method)
    wrapped.compile(keras.optimizers.SGD(0.1))
    x, meta = words[:48].astype("int32"), words[48:].astype("int32")
    logs = wrapped.fit(x, y[:48], meta=(meta, y[48:]), verbose=0).history
    assert np.isfinite(logs["loss"]).all()


def test_a_frozen_head_has_no_virtual_step():
    model = classifier(default_parts()["method"])
    model.head.trainable = False
    with pytest.raises(InvalidInput, match=r"trainable head, .* scope='all'"):
        model.fit(*blobs(), verbose=0)
