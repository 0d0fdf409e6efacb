"""Results of a run beside those of the run whose labels were cleaned."""

import json

import pytest

from fsr_gdw_tf.io.run_folder import RunFolder
from fsr_gdw_tf.label_report import evaluations

LIST = "photos/report/cleaned.csv"


def run(folder, name, recalls, cleaned=None, test=20):
    """Write the results of a run; return its folder."""
    path = folder / name
    path.mkdir(exist_ok=True)
    results = {"accuracy": 0.5, "per_class_accuracy": recalls}
    (path / "evaluation.json").write_text(json.dumps(results))
    data = {"name": "photos", "test": test}
    data["cleaned"] = cleaned and str(folder / cleaned)
    (path / "run.json").write_text(json.dumps({"data": data}))
    return RunFolder(path)


def test_the_run_before_is_the_one_whose_report_has_the_list(tmp_path):
    run(tmp_path, "photos", {"cat": 0.25, "dog": 1})
    after = run(tmp_path, "cleaned", {"cat": 0.75}, LIST)
    assert evaluations.recalls(after) == {"cat": 0.75}
    assert evaluations.recalls_before(after) == {"cat": 0.25, "dog": 1}
    assert evaluations.accuracy(evaluations.run_before(after)) == 0.5


BREAK = {
    "no list": lambda folder: run(folder, "cleaned", {"cat": 1}),
    "elsewhere": lambda folder: run(folder, "cleaned", {"cat": 1}, "a/b/c"),
    "other test": lambda folder: run(folder, "photos", {"cat": 1}, test=21),
    "damaged": lambda folder: (folder / "photos/run.json").write_text("["),
    "not measured": lambda folder: run(folder, "photos", {}),
    "no numbers": lambda folder: run(folder, "photos", {"cat": "a"}),
}


@pytest.mark.parametrize("case", BREAK)
def test_without_results_to_compare_there_is_no_run_before(case, tmp_path):
    run(tmp_path, "photos", {"cat": 0.25})
    after = run(tmp_path, "cleaned", {"cat": 0.75}, LIST)
    BREAK[case](tmp_path)
    assert evaluations.run_before(after) is None
    assert evaluations.recalls_before(after) == {}
