"""The cost table has its columns, its unit, and clear errors."""

import csv
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import step_cost
import tensorflow as tf
from specs import KERAS, METHODS, Spec, parse

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.lookahead import scope_variables

SMALL = [
    *("--network=small_cnn", "--size=8", "--batch=10", "--meta_batch=5"),
    *("--examples=40", "--reward_batch=10"),
]
COLUMNS = "network,batch,meta_batch,method,scope,time_ratio,memory_ratio"


def run(*flags: str):
    return subprocess.run(
        [sys.executable, step_cost.__file__, *SMALL, *flags],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )


@pytest.fixture
def small():
    """Flags of a network of no size."""
    step_cost.FLAGS(["benchmark", *SMALL])


def model_and_data(spec: str):
    """What a name is measured with."""
    model = step_cost.build(spec)
    return model, step_cost.dataset(model, parse(spec).meta_batch)


@pytest.mark.slow
def test_one_row_per_method_with_plain_as_the_unit(tmp_path):
    """Ten batches of features are remembered: read at once, but not in a step.

    A step of 20 images that counted it would seem to need those of 100.
    """
    file = tmp_path / "cost.csv"
    flags = ["--size=16", "--batch=20", "--examples=200", "--rounds=2"]
    specs = "--methods=supervised,keras,fsr:raw:bank"
    ended = run(specs, f"--csv={file}", *flags)
    assert ended.returncode == 0, ended.stderr
    with file.open() as lines:
        plain, stock, bank = csv.DictReader(lines)
    assert list(plain) == [*COLUMNS.split(","), "time_per_step_s"]
    sizes = ("small_cnn", "20", "5")
    for row, name in zip(
        (plain, stock, bank),
        (("supervised", ""), ("keras", ""), ("fsr:raw:bank", "head")),
        strict=True,
    ):
        assert tuple(row.values())[:5] == (*sizes, *name)
        assert float(row["time_per_step_s"]) > 0
    assert float(plain["time_ratio"]) == 1.0
    if plain["memory_ratio"]:  # TensorFlow has no account without oneDNN
        assert float(plain["memory_ratio"]) == 1.0
        assert 0.9 < float(bank["memory_ratio"]) < 1.5


@pytest.mark.slow
def test_an_unknown_method_ends_in_one_line():
    ended = run("--methods=gwd")
    assert ended.returncode == 2 and "Traceback" not in ended.stderr
    assert "no method 'gwd': did you mean 'gdw'" in ended.stderr


@pytest.mark.slow
def test_an_unknown_network_ends_in_one_line():
    ended = run("--network=resnet33")
    assert ended.returncode == 2 and "Traceback" not in ended.stderr
    assert "small_cnn|tiny_cnn|resnet32" in ended.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("supervised:head", "has no virtual step and so no 'head'"),
        ("finetune:meta50", "has no virtual step and so no 'meta50'"),
        ("keras:now", "keras has no virtual step and so no 'now'"),
        ("gdw:raw", "gdw has no extras: 'raw' goes with fsr"),
        ("fsr:extras", "fsr takes no 'extras'"),
        ("mixup:extras", "mixup takes no 'extras'"),
        ("gdw:head:all", "names 2 scopes"),
        ("gdw:now:every2:every3", "has two numbers for the same thing"),
        ("fsr:meta50", "fsr draws from a dictionary and so has no 'meta50'"),
        ("gdw:bank:meta9", "gdw draws from a dictionary and so has no 'meta9'"),
    ],
)
def test_words_that_do_not_go_with_the_method(spec, message):
    with pytest.raises(InvalidInput, match=message):
        parse(spec)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("gdw:every4", "meta_every=4 needs ahead=False"),
        ("gdw:now:every0", "meta_every is 1 or more steps, got 0"),
        ("gdw:meta0", "meta batch size must be 1 or more, got 0"),
    ],
)
def test_numbers_that_the_method_or_the_data_refuse(spec, message, small):
    with pytest.raises(InvalidInput, match=message):
        model_and_data(spec)


def test_names_are_taken_apart():
    assert parse("gdw:head") == Spec("gdw", scope="head")
    assert parse("fsr:raw:bank") == Spec("fsr", ("raw", "bank"))
    told = parse("gdw:now:conv2d_9:every4:meta25")
    assert told == Spec("gdw", ("now", "every4", "meta25"), "conv2d_9", 4, 25)
    assert told.method == "gdw:now:every4:meta25"


def test_words_change_what_they_say(small):
    method = step_cost.build("gdw:now:every4").method
    assert (method.ahead, method.meta_every) == (False, 4)
    model = step_cost.build("gdw:bank:extras:head")
    assert model.method.dictionary.bank
    kinds = [type(part).__name__ for part in model.regularisers]
    assert kinds == ["MixUp", "Relabel"]
    assert model.method.meta_statistics == "moving"
    assert step_cost.build("fsr:joint").method.meta_statistics == "joint"
    assert not step_cost.build("fsr:raw").regularisers


def test_meta_batches_are_as_large_as_the_name_says(small):
    for spec, size in (("gdw", 5), ("gdw:meta3", 3), ("l2rw:meta12", 12)):
        _, data = model_and_data(spec)
        assert next(iter(data))["meta_inputs"].shape[0] == size


@pytest.mark.parametrize("name", [*METHODS, KERAS])
def test_every_method_can_be_measured(name):
    """A step of each, on a network of no size."""
    step_cost.FLAGS(["benchmark", *SMALL, "--size=4"])
    logs = step_cost.step_of(name)()
    assert np.isfinite(logs["loss"])


def test_a_scope_is_the_same_however_many_were_built_before(small):
    """Two of three convolutions, their normalisations (2 each), the head."""
    for _ in range(2):
        model = step_cost.build("gdw:conv2d_1")
        assert len(scope_variables(model, model.method.scope)) == 2 + 4 + 2


def test_stock_keras_takes_the_step_that_plain_takes_without_l2(small):
    """The same network, batch, loss and optimizer."""
    ours, stock = step_cost.build("supervised"), step_cost.build(KERAS)
    ours.l2 = 0.0
    for v, same in zip(
        stock.trainable_variables, ours.network_variables, strict=True
    ):
        v.assign(same)
    before = [v.numpy() for v in stock.trainable_variables]
    logs = [step_cost.stepper(model)() for model in (ours, stock)]
    assert logs[0]["loss"] == pytest.approx(logs[1]["loss"], rel=1e-5)
    for old, mine, its in zip(
        before, ours.network_variables, stock.trainable_variables, strict=True
    ):
        np.testing.assert_allclose(mine, its, 1e-4, 1e-6)
        assert (old != its.numpy()).any()
    assert isinstance(stock, keras.Model) and not stock.losses


def test_the_peak_of_a_step_holds_its_activations():
    """Of 100 images: 16 x 16 pixels, 32 channels, 4 bytes are 3.1 MiB.

    Convolution and normalisation each keep such a tensor for the way back.
    """
    flags = ["--size=16", "--batch=100", "--examples=100"]
    step_cost.FLAGS(["benchmark", *SMALL, *flags])
    try:
        tf.config.experimental.get_memory_info("CPU:0")
    except ValueError:
        pytest.skip("TensorFlow keeps no account of this processor's memory")
    held = 100 * 16 * 16 * 32 * 4
    assert step_cost.peak_memory("supervised") > 2 * held


def test_of_steps_that_take_turns_each_kind_counts():
    """One step in three is dear: (9 + 1 + 1) / 3, which is no median."""
    seconds = [9.0, 1.0, 1.0, 9.0, 1.0, 1.0, 99.0]
    assert step_cost.typical(seconds, 3) == pytest.approx(11 / 3)
    assert step_cost.typical(seconds) == 1.0
    with pytest.raises(
        InvalidInput, match="4 kinds need as many rounds, got 3"
    ):
        step_cost.typical([1.0, 2.0, 3.0], 4)
