"""A training that diverges is stopped before its state is saved."""

import keras
import numpy as np
import pytest
from support.models import blobs, classifier

from fsr_gdw_tf import Supervised
from fsr_gdw_tf.callbacks import Checkpoints, StopOnDivergence
from fsr_gdw_tf.errors import Diverged
from fsr_gdw_tf.optimizers import SGD


def test_it_stops_in_the_epoch_and_keeps_the_last_good_state(tmp_path):
    """The second epoch has an infinite rate, so its first step ends it."""
    model = classifier(Supervised())
    model.compile(SGD(0.1))
    end = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: setattr(
            model.optimizer, "learning_rate", [0.1, np.inf][epoch]
        )
    )
    callbacks = [end, StopOnDivergence(), Checkpoints(tmp_path)]
    inputs, labels = blobs()
    with pytest.raises(Diverged, match="epoch 2; lower LEARNING_RATE") as error:
        model.fit(
            inputs,
            labels,
            batch_size=len(inputs) // 4,
            epochs=3,
            verbose=0,
            callbacks=callbacks,
        )
    assert "\n" not in str(error.value)
    assert len(list(tmp_path.glob("*.index"))) == 1
    assert Checkpoints(tmp_path).restore(model) == 1
    assert all(np.isfinite(w).all() for w in model.get_weights())


def test_an_infinite_loss_alone_does_not_stop_it():
    """A step that overflows in half precision is skipped."""
    model, callback = classifier(Supervised()), StopOnDivergence()
    callback.set_model(model)
    callback.on_train_batch_end(0, {"loss": np.inf})
    callback.on_epoch_end(0, {"loss": np.nan})
