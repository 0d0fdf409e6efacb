"""What the paper figures show."""

import numpy as np
from support.figures import run_with_files

from fsr_gdw_tf.paper_figures import plots
from fsr_gdw_tf.paper_figures.catalogue import FIGURES


def test_lines_show_the_columns_from_the_first_epoch_that_has_them(tmp_path):
    run = run_with_files(
        tmp_path / "gdw",
        "epoch,val_accuracy,increased_clean,increased_true,increased_other\n"
        "1,0.5,,,\n2,0.6,0.65,0.2,0.64\n3,0.7,0.66,0.1,0.65\n",
    )
    (axes,) = plots.panel_per_run(plots.increased_weights)([run]).axes
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
    run = run_with_files(
        tmp_path / "fsr",
        "val_accuracy,purity,weight_zero\n" + "".join(rows),
        run_json='{"data": {"realised_noise": 0.4}}',
    )
    (axes,) = plots.purity_and_accuracy([run]).axes
    (points,) = axes.collections
    np.testing.assert_allclose(points.get_offsets(), [[0.75, 0.7]])
    assert [text.get_text() for text in axes.texts] == ["fsr, 40% noise"]
    (axes,) = plots.accuracy_and_zeros([run]).axes
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
        run_with_files(tmp_path / name, "epoch\n1\n")
        for name in ("gdw", "mwnet", "none")
    ]
    for run, text in zip(runs, ("".join(rows), four + rows[0]), strict=False):
        (run.path / "class_weights.csv").write_text(head + text)
    choose = FIGURES["gdw_fig4_class_weights"].select_runs
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
        run_with_files(tmp_path / name, metrics, config_gin=text)
        for name, text in texts.items()
    ]
    choose = FIGURES["gdw_fig7_zero_mean"].select_runs
    assert choose(runs) == runs[:2]
    assert choose(runs[:1]) == choose(runs[1:]) == []
    accuracy, loss = plots.zero_mean_constraint(runs[:2]).axes
    assert [line.get_label() for line in accuracy.lines] == [
        "with (with constraint)",
        "free (without constraint)",
    ]
    assert [line.get_ydata().tolist() for line in loss.lines] == [[1.5]] * 2
