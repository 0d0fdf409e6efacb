"""The papers' figures: what is counted for them, and what is drawn."""

import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import blob_source, classifier
from test_main import TINY, one_line

from fsr_gdw_tf import FSR, GDW, Dictionary, InputPipeline, arrays
from fsr_gdw_tf.callbacks import Checkpoints
from fsr_gdw_tf.figures import main
from fsr_gdw_tf.paper_figures import plots
from fsr_gdw_tf.paper_figures.figures import FIGURES
from fsr_gdw_tf.paper_figures.run import Run, find
from fsr_gdw_tf.recorders.class_weight_stats import (
    ClassWeightStats,
    smallest_two,
    tracked_examples,
)
from fsr_gdw_tf.recorders.epoch_means import EpochMeans

GIVEN, TRUE = [0, 1, 3, 2], [0, 2, 3, 1]  # two right labels, two wrong ones
HALF = np.full((4, 4), 0.5, "float32")
UP = np.array(
    [
        [0.4, 0.6, 0.6, 0.4],  # clean: 2 of 3 non-targets grow
        [0.6, 0.9, 0.4, 0.6],  # true target 2 shrinks; 0 and 3 grow
        [0.6, 0.4, 0.5, 0.9],  # clean: 1 of 3 grows, one stays as it is
        [0.4, 0.6, 0.9, 0.6],  # true target 1 grows; 3 grows, 0 shrinks
    ],
    "float32",
)


def source_of(given, true=None, classes=4):
    """Examples of which only the labels matter."""
    names = [f"class {c}" for c in range(classes)]
    source = arrays(np.zeros((len(given), 1)), np.array(given), names)
    if true is None:
        return source
    return source.relabel(np.array(given), np.array(true))


def batch_of(given, label=None, classes=4):
    """All examples at once; with `label` these are mixed."""
    own = tf.one_hot(given, classes)
    batch = {"label": own, "index": tf.range(len(given), dtype=tf.int64)}
    if label is None:
        return batch
    return batch | {"label": tf.constant(label), "unmixed_label": own}


def trends_of(source) -> ClassWeightStats:
    return ClassWeightStats(keras.layers.Layer(), source)


def test_shares_of_increased_weights_are_those_counted_by_hand():
    trends = trends_of(source_of(GIVEN, TRUE))
    trends.watch(batch_of(GIVEN), HALF, UP, True)
    assert trends.report() == {
        "increased_clean": 3 / 6,
        "increased_true": 1 / 2,
        "increased_other": 3 / 4,
    }


def test_one_weight_for_all_classes_is_counted_for_each():
    """MWNet's: the first and the second example's grow."""
    trends = trends_of(source_of(GIVEN, TRUE))
    after = np.array([[0.6], [0.6], [0.4], [0.4]], "float32")
    trends.watch(batch_of(GIVEN), HALF[:, :1], after, True)
    assert trends.report() == {
        "increased_clean": 3 / 6,
        "increased_true": 1 / 2,
        "increased_other": 2 / 4,
    }


def test_no_class_of_a_mixed_label_counts():
    """The first is mixed with class 1, the second with its true class."""
    mixed = tf.one_hot(GIVEN, 4).numpy()
    mixed[0], mixed[1] = [0.8, 0.2, 0, 0], [0, 0.7, 0.3, 0]
    trends = trends_of(source_of(GIVEN, TRUE))
    trends.watch(batch_of(GIVEN, mixed), HALF, UP, True)
    assert trends.report() == {
        "increased_clean": 2 / 5,
        "increased_true": 1 / 1,
        "increased_other": 3 / 4,
    }


def test_the_second_smallest_class_is_counted_on_the_smallest():
    """Class 2 is the smallest, class 1 the next."""
    given = [0, 0, 0, 0, 1, 1, 1, 2, 2]
    trends = trends_of(source_of(given, classes=3))
    after = np.full((9, 3), 0.4, "float32")
    after[:7, 1] = 0.6  # on examples of other classes: of no interest
    after[7, 1] = 0.6
    trends.watch(batch_of(given, classes=3), tf.fill([9, 3], 0.5), after, True)
    assert trends.report() == {"increased_tail": 1 / 2}


@pytest.mark.parametrize(
    ("counts", "found"),
    [
        ([6, 4, 2], (2, 1)),
        ([2, 9, 3], (0, 2)),
        ([2, 9, 0, 3], (0, 3)),  # an empty class is no smallest one
        ([10, 9, 6], None),  # noise alone does that
        ([7, 7, 7], None),
        ([0, 7], None),
    ],
)
def test_only_uneven_classes_have_a_tail(counts, found):
    assert smallest_two(np.array(counts)) == found


def test_nothing_is_counted_in_the_warmup():
    trends, source = trends_of(source_of(GIVEN, TRUE)), source_of(GIVEN, TRUE)
    trends.watch(batch_of(GIVEN), HALF, UP, tf.constant(False))
    assert trends.report() == {} and trends.rows(source) == []


def test_without_the_truth_no_share_is_made_up():
    trends = trends_of(source_of(GIVEN))
    trends.watch(batch_of(GIVEN), HALF, UP, True)
    assert trends.report() == {}


def test_each_epoch_starts_anew():
    means_by_group = EpochMeans(keras.layers.Layer(), "tally", ("a", "b"))
    means_by_group.add(
        a=(tf.constant([1.0, 3.0]), True), b=(tf.constant([1.0]), False)
    )
    means_by_group.add(
        a=(tf.constant([5.0]), True), b=(tf.constant([1.0]), False)
    )
    assert means_by_group.means() == {"a": 3.0}
    means_by_group.add(
        a=(tf.constant([7.0]), True), b=(tf.constant([2.0]), True)
    )
    assert means_by_group.means() == {"a": 7.0, "b": 2.0}
    assert means_by_group.means() == {}


def test_witnesses_are_mislabelled_where_that_is_known():
    assert tracked_examples(source_of(GIVEN, TRUE)).tolist() == [1, 3]
    assert tracked_examples(source_of(GIVEN, GIVEN)).tolist() == [0, 1, 3, 2]
    assert tracked_examples(source_of(GIVEN)).tolist() == [0, 1, 3, 2]
    many = np.tile(np.arange(20), 2)
    assert tracked_examples(source_of(many, classes=20)).tolist() == [*range(8)]


def test_witnesses_keep_the_weights_of_their_last_visit():
    """Example 3 is in the first batch alone, example 1 in both."""
    source = source_of(GIVEN, TRUE)
    trends, batch = trends_of(source), batch_of(GIVEN)
    trends.watch(batch, HALF, UP, True)
    first_two = {name: value[:2] for name, value in batch.items()}
    trends.watch(first_two, HALF[:2] / 2, UP[:2] / 2, True)
    rows = trends.rows(source)
    assert rows[5] == {
        "index": 3,
        "name": "3",
        "given": "class 2",
        "true": "class 1",
        "class": "class 1",
        "before": "0.5",
        "after": "0.6",
    }
    assert [r["index"] for r in rows] == [1] * 4 + [3] * 4
    assert [r["before"] for r in rows[:4]] == ["0.25"] * 4
    assert [r["after"] for r in rows[:4]] == ["0.3", "0.45", "0.2", "0.3"]


def mislabelled():
    """Sixty points, a third of whose labels are wrong."""
    source = blob_source(n=60)
    wrong = (source.labels + (np.arange(60) % 9 < 3)) % 3
    return source.relabel(wrong, source.labels)


def fit(model, **kwargs) -> dict:
    clean = blob_source(n=12, seed=7)
    return model.fit(
        mislabelled(),
        meta=clean if model.method.uses_meta else None,
        pipeline=InputPipeline(12, meta_batch_size=6),
        verbose=0,
        **kwargs,
    ).history


def test_a_run_that_goes_on_in_mid_epoch_knows_its_first_half(tmp_path):
    """It dies in the ninth step, the fourth of its second epoch."""
    whole = fit(classifier(GDW(warmup=1)), epochs=2)
    dying = keras.callbacks.Callback()

    def die(batch, logs=None):
        if dying.model.optimizer.iterations == 8:
            raise RuntimeError("out of luck")

    dying.on_train_batch_begin = die
    keras.utils.set_random_seed(0)
    with pytest.raises(RuntimeError):
        saved = [dying, Checkpoints(tmp_path, every=2)]
        fit(classifier(GDW(warmup=1)), epochs=2, callbacks=saved)
    model, again = classifier(GDW(warmup=1)), Checkpoints(tmp_path)
    model.setup(mislabelled(), InputPipeline(12, meta_batch_size=6))
    assert again.restore(model) == 1 and again.step == 2
    end = fit(model, epochs=2, initial_epoch=1, initial_step=2)
    shares = [name for name in whole if name.startswith("increased")]
    assert len(shares) == 3
    for name in shares:
        assert len(whole[name]) == 1, "the first epoch is the warm-up"
        assert end[name] == whole[name]


def test_losses_before_and_after_the_virtual_step_by_hand():
    """ln 3 with a head of zeros; ln 2 where the label's odds are 2 : 1 : 1."""
    model = classifier(FSR(Dictionary(6, 6), warmup=0))
    source = mislabelled()
    model.setup(source, InputPipeline(12))
    for v in model.head.variables:
        v.assign(tf.zeros_like(v))
    label = tf.one_hot(source.labels[:12], 3)
    batch = {"label": label, "index": tf.range(12, dtype=tf.int64)}
    forward = type("Forward", (), {"logits": tf.zeros((12, 3))})
    features, after = tf.ones((12, 8)), label * np.log(2.0)
    model.method.tell_dictionary(model, batch, forward, features, after)
    logs = model.method.report(source)
    assert logs["loss_before"] == pytest.approx(np.log(3))
    assert logs["loss_after"] == pytest.approx(np.log(2))


def test_losses_are_left_out_where_features_move_with_the_virtual_step():
    head = fit(classifier(FSR(Dictionary(6, 6), warmup=0)))
    assert head["loss_after"][0] < head["loss_before"][0]
    everything = fit(classifier(FSR(Dictionary(6, 6), scope="all", warmup=0)))
    assert "loss_before" not in everything and "purity" in everything


REPLICAS = """
import json, keras
from conftest import classifier
from test_figures import fit
from fsr_gdw_tf import FSR, GDW, Dictionary
from fsr_gdw_tf.devices import make_strategy
found, two = [], make_strategy("mirrored", 2, kind="CPU")
for strategy in (two, make_strategy("one")):
    keras.utils.set_random_seed(0)
    fsr = FSR(Dictionary(6, 6, same_draw=True), warmup=0)
    with strategy.scope():
        models = [classifier(GDW()), classifier(fsr)]
    logs = fit(models[0], epochs=2) | fit(models[1], epochs=2)
    rows = models[0].method.tables(models[0].books.source)
    found.append([strategy.num_replicas_in_sync, logs, rows])
print(json.dumps(found))
"""


@pytest.mark.slow
def test_two_replicas_count_what_one_counts():
    ended = subprocess.run(
        [sys.executable, "-c", REPLICAS],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    two, one = json.loads(ended.stdout.splitlines()[-1])
    assert (two[0], one[0]) == (2, 1)
    names = [n for n in one[1] if n.startswith(("increased", "loss_"))]
    assert len(names) == 5
    for name in names:
        assert two[1][name] == pytest.approx(one[1][name], rel=1e-5), name
    (of_two,), (of_one,) = two[2].values(), one[2].values()
    assert len(of_one) == 3 * 3, "three witnesses, three classes"
    for a, b in zip(of_two, of_one, strict=True):
        assert float(a["after"]) == pytest.approx(float(b["after"]), rel=1e-4)


def folder_of(path, metrics: str, **files: str):
    """A run folder with just these files in it."""
    path.mkdir(parents=True)
    (path / "metrics.csv").write_text(metrics)
    for name, text in files.items():
        (path / name.replace("_", ".", 1)).write_text(text)
    return Run(path, path.name)


def command(capsys, *arguments) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `python -m fsr_gdw_tf.figures`."""
    code = 0
    try:
        main([str(a) for a in arguments])
    except SystemExit as stop:
        code = stop.code
    said = capsys.readouterr()
    return code, said.out, said.err


def test_each_figure_that_cannot_be_drawn_says_what_it_needs(tmp_path, capsys):
    """A run of plain training has nothing for any of them."""
    run = folder_of(tmp_path / "plain", "epoch,val_accuracy\n1,0.5\n")
    code, out, err = command(capsys, run.path)
    assert code == 0 and not err
    assert out.splitlines() == [
        "GDW Fig. 3 needs a run of a method that learns weights, on data of "
        "which it is known which labels are wrong (NOISE above 0)",
        "GDW Fig. 4 needs a run of GDW or MWNet that has ended its WARMUP",
        "GDW Fig. 5 needs a run of GDW or MWNet that has ended its WARMUP, on "
        "data of which it is known which labels are wrong (NOISE above 0)",
        "GDW Fig. 6 needs a long-tailed run (IMBALANCE of 0.5 or less) of a "
        "method with class weights",
        "GDW Fig. 7 needs two runs: gin/methods/gdw.gin and "
        "gin/methods/gdw_unconstrained.gin",
        "FSR Fig. 5 left needs a run of a method with a dictionary, whose "
        "scope is the head",
        "FSR Fig. 5 middle needs a run of a method with a dictionary, on data "
        "of which it is known which labels are wrong (NOISE above 0)",
        "FSR Fig. 6 needs a run of FSR",
    ]
    assert not (run.path / "figures").exists()


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_that_is_no_run_ends_in_one_line_and_code_2(
    there, tmp_path, capsys
):
    folder = tmp_path / "thesis"
    if there:
        folder.mkdir()
    code, out, err = command(capsys, folder)
    assert code == 2 and not out and one_line(err)
    assert err.startswith(f"error: {folder} is no run folder")


@pytest.mark.parametrize("name", ["labels.parquet", "metrics.csv"])
def test_a_broken_table_is_told_in_one_line(name, tmp_path, capsys):
    run = folder_of(tmp_path / "run", "epoch,loss\n1,2\n")
    (run.path / name).write_text("epoch,loss\n1\n")
    code, _, err = command(capsys, run.path)
    assert code == 2 and one_line(err)
    assert f"{name} is no table" in err and "train again" in err


def test_looking_at_a_run_does_not_need_tensorflow():
    code = "import sys, fsr_gdw_tf.figures; print('tensorflow' in sys.modules)"
    said = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert said.split() == ["False"]


def test_lines_show_the_columns_from_the_first_epoch_that_has_them(tmp_path):
    run = folder_of(
        tmp_path / "gdw",
        "epoch,val_accuracy,increased_clean,increased_true,increased_other\n"
        "1,0.5,,,\n2,0.6,0.65,0.2,0.64\n3,0.7,0.66,0.1,0.65\n",
    )
    (axes,) = plots.of_each(plots.increased)([run]).axes
    drawn = {line.get_label(): line.get_ydata() for line in axes.lines}
    nan = np.nan
    np.testing.assert_array_equal(
        list(drawn.values()),
        [[nan, 0.65, 0.66], [nan, 0.2, 0.1], [nan, 0.64, 0.65]],
    )
    assert list(drawn)[1] == "true targets, mislabelled"


def test_points_and_bars_are_the_mean_accuracy_and_the_last_purity(tmp_path):
    """Of six epochs the last five count: .5 to .9."""
    accuracy, purity = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9), (0, 0, 0, 0, 0, 0.75)
    rows = [f"{a},{p},0.25\n" for a, p in zip(accuracy, purity, strict=True)]
    run = folder_of(
        tmp_path / "fsr",
        "val_accuracy,purity,weight_zero\n" + "".join(rows),
        run_json='{"data": {"realised_noise": 0.4}}',
    )
    (axes,) = plots.purity([run]).axes
    (points,) = axes.collections
    np.testing.assert_allclose(points.get_offsets(), [[0.75, 0.7]])
    assert [text.get_text() for text in axes.texts] == ["fsr, 40% noise"]
    (axes,) = plots.bars([run]).axes
    heights = [bar.get_height() for bar in axes.patches]
    np.testing.assert_allclose(heights, [0.7, 0.75, 0.25])
    (line,) = axes.collections[0].get_segments()
    np.testing.assert_allclose(line[:, 1], 0.4)


def test_class_weights_are_those_of_one_example_in_all_runs(tmp_path):
    """Example 7 in both; the other run has example 4 first."""
    head = "index,name,given,true,class,before,after\n"
    seven = "7,x,dog,cat,{0},0.5,{1}\n"
    rows = [seven.format("cat", 0.4), seven.format("dog", 0.3)]
    four = "4,y,dog,bird,dog,0.1,0.1\n"
    runs = [
        folder_of(tmp_path / name, "epoch\n1\n")
        for name in ("gdw", "mwnet", "none")
    ]
    for run, text in zip(runs, ("".join(rows), four + rows[0]), strict=False):
        (run.path / "class_weights.csv").write_text(head + text)
    choose = FIGURES["gdw_fig4_class_weights"].choose
    assert choose(runs) == runs[:2]
    one, two = plots.class_weights(runs[:2]).axes
    assert one.get_title() == "gdw: cat labelled dog"
    heights = [bar.get_height() for bar in one.patches]
    assert heights == [0.5, 0.5, 0.4, 0.3], "before, then after"
    assert [t.get_text() for t in one.get_xticklabels()] == [
        "cat\ntrue",
        "dog\ntarget",
    ]
    assert [bar.get_height() for bar in two.patches] == [0.5, 0.4]


def test_the_ablation_needs_a_run_with_and_one_without_the_constraint(tmp_path):
    metrics = "epoch,val_accuracy,val_loss\n1,0.5,1.5\n"
    gdw = "ClassifierConfig.method = @GDW()\n"
    texts = {"with": gdw, "free": gdw + "GDW.zero_mean = False\n", "fsr": ""}
    runs = [
        folder_of(tmp_path / name, metrics, config_gin=text)
        for name, text in texts.items()
    ]
    choose = FIGURES["gdw_fig7_zero_mean"].choose
    assert choose(runs) == runs[:2]
    assert choose(runs[:1]) == choose(runs[1:]) == []
    accuracy, loss = plots.constraint(runs[:2]).axes
    assert [line.get_label() for line in accuracy.lines] == [
        "with (with constraint)",
        "free (without constraint)",
    ]
    assert [line.get_ydata().tolist() for line in loss.lines] == [[1.5]] * 2


def test_runs_of_the_same_name_are_told_apart_by_their_folders(tmp_path):
    for seed in ("a", "b"):
        folder_of(tmp_path / seed / "gdw", "epoch\n1\n")
    found = find([tmp_path / "a", tmp_path / "b" / "gdw"])
    assert [run.name for run in found] == ["a/gdw", "b/gdw"]


@pytest.mark.slow
def test_a_comparison_draws_every_figure_its_runs_have_logged(
    tmp_path, command_line, capsys
):
    """Long-tailed and noisy, so that nothing is missing."""
    run = tmp_path / "run"
    names = ["gdw", "gdw_unconstrained", "fsr"]
    some = [f"COMPARE={names}", "WARMUP=1", "FSR_WARMUP=1", "IMBALANCE=0.2"]
    params = [f"--gin_param={setting}" for setting in some]
    tail = ["--gin_param=TRAIN_EXAMPLES=None"]
    code, _, err = command_line(*TINY, f"--run_dir={run}", *params, *tail)
    assert code == 0, err
    code, out, err = command(capsys, run)
    assert code == 0 and not err
    drawn = sorted(p.name for p in (run / "figures").iterdir())
    assert drawn == [
        "fsr_fig5_left_train_loss.png",
        "fsr_fig5_middle_purity.png",
        "fsr_fig6_purity_and_zeros.png",
        "gdw_fig3_target_weights.png",
        "gdw_fig4_class_weights.png",
        "gdw_fig5_increased_weights.png",
        "gdw_fig6_increased_tail.png",
        "gdw_fig7_zero_mean.png",
    ]
    assert len(out.splitlines()) == 8 and "needs" not in out
    for name in drawn:
        assert str(run / "figures" / name) in out
        assert (run / "figures" / name).read_bytes()[:4] == b"\x89PNG"
    code, out, _ = command(capsys, run / "gdw")
    assert code == 0 and out.count("needs") == 4
    assert "GDW Fig. 4: " in out and "GDW Fig. 7 needs two runs" in out
