"""The kinds of data that fit takes."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.method_cases import build
from support.models import blob_source, blobs, classifier, mislabelled, recorder

from fsr_gdw_tf import FSR, InputPipeline, InvalidInput
from fsr_gdw_tf.data.batch_dicts import check_inputs
from fsr_gdw_tf.recorders.weight_stats import WeightStats

SEVERAL = {"a": tf.TensorSpec((None, 4)), "b": tf.TensorSpec((None,))}


@pytest.mark.parametrize("how", ["arrays", "source", "tuples", "dicts"])
def test_fit_takes_data_of_any_kind(how):
    x, y = blobs(n=90)
    model = classifier()
    arguments = {
        "arrays": lambda: {"x": x, "y": y, "batch_size": 30},
        "source": lambda: {
            "x": blob_source(n=90),
            "pipeline": InputPipeline(30),
        },
        "tuples": lambda: {"x": tuples(x, y)},
        "dicts": lambda: {"x": tuples(x, y).map(as_dict)},
    }[how]()
    history = model.fit(**arguments, epochs=8, verbose=0).history
    assert history["loss"][-1] < 0.3 * history["loss"][0]
    assert model.evaluate(x, y, verbose=0, return_dict=True)["accuracy"] == 1


def tuples(x, y):
    return tf.data.Dataset.from_tensor_slices((x, y)).batch(30)


def as_dict(x, y):
    return {"inputs": x, "label": tf.one_hot(y, 3)}


def test_a_dataset_of_other_classes_or_other_keys():
    x, y = blobs()
    model = classifier()
    wide = tuples(x, np.eye(4, dtype=np.float32)[y])
    with pytest.raises(InvalidInput, match="has 3 classes, the data have 4"):
        model.fit(wide)
    with pytest.raises(
        InvalidInput, match="needs the keys 'inputs' and 'label'"
    ):
        model.fit(tuples(x, y).map(lambda x, y: {"x": x, "label": y}))


def test_labels_of_a_dataset_are_checked_too():
    x, y = blobs()
    with pytest.raises(tf.errors.InvalidArgumentError, match="lie in 0 to 2"):
        classifier().fit(tuples(x, y + 1), verbose=0)
    one_hot = np.eye(3, dtype=np.int64)[y]
    classifier().fit(tuples(x, one_hot), verbose=0)


def test_meta_arrays_of_another_kind_are_told():
    x, y = blobs(n=12, seed=7)
    with pytest.raises(
        InvalidInput, match="are float64, those of the training"
    ):
        build("gdw").fit(*blobs(), meta=(x.astype(float), y))
    with pytest.raises(InvalidInput, match=r"have shape \(3,\), those of"):
        build("gdw").fit(*blobs(), meta=(x[:, :3], y))


def test_clean_images_in_training_are_examples_like_others():
    source, clean = mislabelled(), blob_source(n=12, seed=7)
    model = build("gdw")
    model.fit(
        source, meta=clean, meta_in_training=True, batch_size=34, verbose=0
    )
    assert recorder(model, WeightStats).last_weight.shape == (102,)
    assert model.optimizer.iterations == 3


def test_datasets_bring_their_own_meta_batches():
    x, y = blobs(n=12)
    data = tf.data.Dataset.from_tensors(
        {"inputs": x, "label": tf.one_hot(y, 3)}
    )
    with pytest.raises(InvalidInput, match="batches with meta_inputs"):
        build("gdw").fit(data, verbose=0)
    with pytest.raises(InvalidInput, match="12 of the 12 meta examples are"):
        build("gdw").fit(data, meta=(x, (y + 1) % 3), verbose=0)
    endless = data.repeat()
    with pytest.raises(InvalidInput, match=r"INSW .* needs stable indices"):
        build("insw").fit(endless, steps_per_epoch=1, verbose=0)
    with pytest.raises(InvalidInput, match=r"leave out repeat\(\)"):
        build("gdw").fit(endless, meta=(x, y), steps_per_epoch=1, verbose=0)


def test_clean_examples_that_nobody_learns_from_are_told():
    x, y = blobs()
    with pytest.raises(
        InvalidInput, match="FSR does not learn from a clean meta"
    ):
        classifier(FSR()).fit(x, y, meta=blobs(n=12, seed=7), verbose=0)
    clean = blobs(n=12, seed=7)
    model = classifier(FSR())
    model.fit(x, y, meta=clean, meta_in_training=True, verbose=0)
    assert recorder(model, WeightStats).last_weight.shape == (72,)


@pytest.mark.parametrize(
    ("spec", "structure", "message"),
    [
        (SEVERAL, keras.Input((4,)), "takes 1 inputs, the data have 2"),
        (
            SEVERAL,
            {"a": keras.Input((4,)), "c": keras.Input(())},
            r"named .'a', 'c'., the data have .'a', 'b'.",
        ),
        (
            tuple(SEVERAL.values()),
            {"a": keras.Input((4,)), "b": keras.Input(())},
            "by their order alone",
        ),
        (
            SEVERAL,
            {"a": keras.Input((5,)), "b": keras.Input(())},
            r"shape \(5,\), the data have \(4,\)",
        ),
    ],
)
def test_several_inputs_that_do_not_fit_are_told(spec, structure, message):
    with pytest.raises(InvalidInput, match=message):
        check_inputs(spec, structure)
    check_inputs(SEVERAL, {"a": keras.Input((4,)), "b": keras.Input((1,))})


def test_weights_of_a_dataset_are_its_third_part():
    x, y = blobs()
    with pytest.raises(InvalidInput, match="weights as a third part"):
        classifier().evaluate(tuples(x, y), sample_weight=np.ones(60))
