"""Run folders and their names."""

from support.figures import run_with_files

from fsr_gdw_tf.paper_figures.run import find_runs


def test_runs_of_the_same_name_are_told_apart_by_their_folders(tmp_path):
    for seed in ("a", "b"):
        run_with_files(tmp_path / seed / "gdw", "epoch\n1\n")
    found = find_runs([tmp_path / "a", tmp_path / "b" / "gdw"])
    assert [run.name for run in found] == ["a/gdw", "b/gdw"]
