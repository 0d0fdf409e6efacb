"""The figures command."""

import subprocess
import sys

import pytest
from support.figures import command, run_with_files
from support.runs import TINY, one_line


def test_each_figure_that_cannot_be_drawn_says_what_it_needs(tmp_path, capsys):
    """A run of plain training has nothing for any of them."""
    run = run_with_files(tmp_path / "plain", "epoch,val_accuracy\n1,0.5\n")
    code, out, err = command(capsys, run.path)
    assert code == 0 and not err
    assert out.splitlines() == [
        "GDW Fig. 3 needs a run of a method that learns weights, on data with "
        "known wrong labels (NOISE above 0)",
        "GDW Fig. 4 needs a run of GDW or MWNet, longer than its WARMUP",
        "GDW Fig. 5 needs a run of GDW or MWNet, longer than its WARMUP, on "
        "data with known wrong labels (NOISE above 0)",
        "GDW Fig. 6 needs a long-tailed run (IMBALANCE of 0.5 or less) of a "
        "method with class weights",
        "GDW Fig. 7 needs two runs: gin/methods/gdw.gin and "
        "gin/methods/gdw_unconstrained.gin",
        "FSR Fig. 5 left needs a run of a method with a dictionary and the "
        "scope 'head'",
        "FSR Fig. 5 middle needs a run of a method with a dictionary, on data "
        "with known wrong labels (NOISE above 0)",
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
    assert err.startswith(
        f"error: expected the --run_dir of a run or a comparison, got {folder}"
    )


@pytest.mark.parametrize("name", ["labels.parquet", "metrics.csv"])
def test_a_broken_table_is_told_in_one_line(name, tmp_path, capsys):
    run = run_with_files(tmp_path / "run", "epoch,loss\n1,2\n")
    (run.path / name).write_text("epoch,loss\n1\n")
    code, _, err = command(capsys, run.path)
    assert code == 2 and one_line(err)
    assert f"{name} is damaged, or not what" in err and "train again" in err


def test_looking_at_a_run_does_not_need_tensorflow():
    code = "import sys, fsr_gdw_tf.figures; print('tensorflow' in sys.modules)"
    said = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert said.split() == ["False"]


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
