"""The panel: its settings, their data, its arithmetic, a run."""

import itertools
import json
import os
import shlex
from collections import Counter

import gin
import numpy as np
import panel_data
import panel_report
import pytest
from panel_settings import CHOOSING, PANEL, VERDICT

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.data.corruption import CIFAR10_NAMES, corrupt, realised_rate
from fsr_gdw_tf.data.source import arrays
from fsr_gdw_tf.data.splits import Splits, prepare
from fsr_gdw_tf.experiments import gin_config

SMALLEST = "table cancer uniform 30"
COLUMNS = (
    "setting,method,seed,last5,best,balanced,worst_class,auroc,commit,threads"
)


@gin.register
def fake_images() -> Splits:
    """Return 1,500 random images with the classes of CIFAR-10."""
    images = np.random.default_rng(0).integers(0, 256, (1500, 32, 32, 3))
    labels = np.arange(1500) % 10
    source = arrays(images.astype(np.uint8), labels, CIFAR10_NAMES)
    train, test = np.split(np.arange(1500), [1400])
    return Splits(source.subset(train), source.subset(test))


def splits(name: str, *bindings: str):
    """Return the data of a setting, with fake images for CIFAR-10."""
    setting = PANEL[name]
    if setting.data_dir:
        bindings += ("prepare.load=@fake_images", "TRAIN_EXAMPLES=1200")
        bindings += ("META_PER_CLASS=2",)
    params = [*setting.bindings, *bindings]
    files = [*setting.files, "gin/methods/supervised.gin"]
    gin_config.parse(files, params, allow_imports=True)
    return gin_config.instantiate(prepare)


@pytest.mark.parametrize("name", PANEL)
def test_noise_is_what_the_name_says_and_the_oracle_has_none(name):
    """Asymmetric noise is of five classes of ten."""
    setting, train = PANEL[name], splits(name).train
    words = name.split()
    kinds = {"uniform": 1, "flip": 1, "instance": 1, "asymmetric": 0.5}
    share = [
        kinds[kind] * int(rate) / 100
        for kind, rate in itertools.pairwise(words)
        if kind in kinds
    ]
    rate = realised_rate(train)
    if not share:
        assert rate is None and not setting.oracle
        return
    # Four standard deviations of a share of so many independent labels.
    margin = 4 * np.sqrt(share[0] * (1 - share[0]) / len(train))
    assert abs(rate - share[0]) < margin
    right = splits(name, *setting.oracle).train
    assert realised_rate(right) == 0
    assert len(right) == round(len(train) * (1 - rate))


def test_halves_are_equal_and_each_has_every_kind():
    halves = Counter(setting.half for setting in PANEL.values())
    assert halves == {CHOOSING: 18, VERDICT: 18}
    for half in (CHOOSING, VERDICT):
        words = {
            word
            for name in panel_report.names_of(PANEL, half)
            for word in (name + " end").split()
        }
        kinds = "CIFAR mid-size crops digits CNN MLP 10 30 60 table text"
        assert {*kinds.split(), "uniform", "tail", "none"} <= words, half


@pytest.mark.parametrize("name", ["digits MLP none epochs 10", "text none"])
def test_choices_are_made_on_training_examples(name):
    """And all seeds are tested on the same examples."""
    test = splits(name, "SEED=0").test
    again = splits(name, "SEED=1").test
    np.testing.assert_array_equal(test.rows, again.rows)
    held = [splits(name, *PANEL[name].held_out, f"SEED={s}") for s in (0, 1)]
    np.testing.assert_array_equal(held[0].test.rows, held[1].test.rows)
    for part in (held[0].test, held[0].train, held[0].meta):
        assert not set(part.rows) & set(test.rows)


def test_instance_noise_is_seeded_and_strikes_doubtful_images():
    """Half of the images are pure noise, half show their class clearly."""
    rng = np.random.default_rng(0)
    labels = np.arange(400) % 4
    images = rng.integers(0, 256, (400, 8, 8, 1))
    images[:200] = 20 + 60 * labels[:200, None, None, None]
    source = arrays(images.astype(np.uint8), labels)
    noisy, again = (
        panel_data.instance_noise(source, 0.4, rng=np.random.default_rng(7))
        for _ in range(2)
    )
    np.testing.assert_array_equal(noisy.labels, again.labels)
    wrong = noisy.labels != labels
    assert abs(wrong.mean() - 0.4) < 0.1
    assert wrong[200:].mean() > wrong[:200].mean() + 0.2
    with pytest.raises(InvalidInput, match=r"must be in \(0, 1\), got 0.0"):
        panel_data.instance_noise(source, 0.0, rng=rng)


def test_the_oracle_of_clean_data_is_plain_training():
    source = arrays(np.zeros((6, 1)), np.arange(6) % 2)
    rng = np.random.default_rng(0)
    assert len(panel_data.right_labels(source, corrupt, rng=rng)) == 6


def test_words_tell_the_class():
    """A rare word's frequency differs between classes; labels are balanced."""
    data = panel_data.documents(examples=500)
    words = data.train.load(range(500))
    assert words.shape == (500, 30) and words.min() >= 0 and words.max() < 500
    assert data.train.counts().min() > 70 and len(data.test) == 500


def row(setting: str, method: str, last5: float, seed: int = 0) -> dict:
    return {
        **{"setting": setting, "method": method, "seed": seed},
        **{"last5": last5, "auroc": None},
    }


ROWS = [
    row("CIFAR none", "supervised", 0.900),
    row("CIFAR none", "supervised", 0.800, seed=1),
    row("CIFAR none", "gce", 0.895),
    row("CIFAR uniform 40", "supervised", 0.50),
    row("CIFAR uniform 40", "gce", 0.56),
    row("CIFAR uniform 40", "elr", 0.44),
    row("CIFAR uniform 40", "oracle", 0.70),
    row("text none", "supervised", 0.8),
]


def test_gains_are_means_over_common_seeds():
    """GCE: -.5 with seed 0 of "none" and +6, so +2.75; -.5 is no loss yet."""
    table = panel_report.Table(ROWS)
    assert table.methods == ["supervised", "oracle", "elr", "gce"]
    oracle, elr, gce = panel_report.summary(table, PANEL, CHOOSING)
    assert gce["mean gain"] == pytest.approx(2.75)
    assert gce["worst"] == pytest.approx(-0.5) and gce["in"] == "CIFAR none"
    assert gce["settings"] == "2 of 18" and gce["below plain - 0.5"] == 0
    assert elr["mean gain"] == elr["worst"] == pytest.approx(-6)
    assert elr["below plain - 0.5"] == 1
    assert oracle["mean gain"] == pytest.approx(20)
    assert oracle["settings"] == "1 of 9"  # where labels are wrong
    assert panel_report.summary(table, PANEL, VERDICT) == []


def test_a_method_without_some_settings_is_told():
    table = panel_report.Table(ROWS)
    _, oracle, elr, _ = panel_report.missing(table, PANEL, CHOOSING)
    assert oracle.startswith("choosing, oracle lacks: CIFAR asymmetric 30, ")
    assert "none" not in oracle
    assert elr.startswith("choosing, elr lacks: CIFAR asymmetric 30, ")
    uniform, none, text = panel_report.accuracies(table, PANEL)
    assert none["setting"] == "CIFAR none" and uniform["elr"] == 44
    assert none["supervised"] == pytest.approx(85)
    assert text["half"] == VERDICT and text["gce"] is None
    assert panel_report.Table(ROWS, "auroc").methods == []


@pytest.fixture
def run(run_script, tmp_path):
    def run(*flags):
        table = [f"--csv={tmp_path}/table.csv", f"--run_dir={tmp_path}/runs"]
        return run_script("panel", *flags, *table)

    return run


@pytest.mark.slow
def test_runs_are_trained_then_skipped_and_failures_do_not_stop_others(
    run, tmp_path
):
    flags = [f"--settings={SMALLEST}", "--seeds=0", "--processes=1"]
    flags += ["--params=EPOCHS=1", "--methods=supervised,oracle", "--validate"]
    spoilt = tmp_path / "runs" / SMALLEST.replace(" ", "_") / "supervised" / "0"
    spoilt.mkdir(parents=True)
    (spoilt / "notes.txt").write_text("not a run")
    ended = run(*flags)
    assert ended.returncode == 2 and "these runs failed" in ended.stderr
    assert "which holds other files" in spoilt.with_suffix(".log").read_text()
    head, oracle = (tmp_path / "table.csv").read_text().splitlines()
    assert head == COLUMNS and oracle.startswith(f"{SMALLEST},oracle,0,0.")
    cells = dict(zip(head.split(","), oracle.split(","), strict=True))
    assert cells["auroc"] == "" and cells["threads"] == "1"
    info = spoilt.parents[1] / "oracle" / "0" / "run.json"
    held_out = f"--gin_param={PANEL[SMALLEST].held_out[-1]}"
    assert held_out in json.loads(info.read_text())["command"]
    shown = run(*flags, "--show")
    assert len(shown.stdout.splitlines()) == 1, "the oracle is not run again"
    ended = run(*flags, "--novalidate")
    assert ended.returncode == 2 and "was tested on held-out" in ended.stderr


def test_the_oracle_and_halves_select_runs(run):
    flags = ["--seeds=0", "--data_dir=here", "--show", "--methods=oracle,gce"]
    commands = [
        shlex.split(line)
        for line in run("--half=verdict", *flags).stdout.splitlines()
    ]
    assert len(commands) == 18 + 8  # the oracle where labels are wrong
    assert commands[0][:2] == ["env", "PYTHONPATH=benchmarks"]
    oracle = "--gin_param=prepare.corrupt=@right_labels"
    assert sum(oracle in command for command in commands) == 8
    where = "--gin_param=DATA_DIR='here'"
    assert sum(where in command for command in commands) == 6 + 4


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--settings=CIFAR nnoe"], "no setting 'CIFAR nnoe': did you mean"),
        (["--settings=text none", "--half=verdict"], "exclude each other"),
        (["--settings=text none", "--params=NOIS=1"], "no setting 'NOIS'"),
        (["--settings=text none", "--report"], "has no rows yet"),
        (["--methods=orcale"], "no method 'orcale'"),
    ],
)
def test_what_does_not_exist_is_told_at_once(run, flags, message):
    ended = run(*flags)
    assert ended.returncode == 2
    assert message in ended.stderr.splitlines()[-1]
    assert os.sep + "runs" not in ended.stdout
