"""Tables that spreadsheet programs and cleanlab write."""

import csv

import numpy as np
import pytest
from support.exchange import CLASSES, odd_run

from fsr_gdw_tf.label_exchange.exchange import export_labels, import_decisions
from fsr_gdw_tf.label_quality.label_records import load_records
from fsr_gdw_tf.label_report.decisions import read_decisions


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return odd_run(tmp_path_factory.mktemp("csv"), n=12)


def test_no_cell_is_a_formula(run):
    for name in ("csv", "cleanlab", "imagefolder"):
        path = export_labels(run, name, None, top=12).path
        with path.open(newline="", encoding="utf-8-sig") as lines:
            cells = [cell for row in csv.reader(lines) for cell in row]
        assert any(cell.startswith("'=cmd") for cell in cells)
        assert not [
            c for c in cells if c.startswith(("=", "+", "@", "-", "\t"))
        ]


WRITTEN = {
    "comma": (",", "utf-8", ""),
    "semicolon": (";", "utf-8-sig", ""),
    "unicode text": ("\t", "utf-16", ""),
    "windows": (";", "cp1252", ""),
    "said": (";", "utf-8-sig", "sep=;\r\n"),
}


def writable(row, encoding) -> bool:
    """Return whether an encoding has all letters of a row."""
    try:
        return bool("".join(row.values()).encode(encoding))
    except UnicodeEncodeError:
        return False


@pytest.mark.parametrize("case", WRITTEN)
def test_what_a_spreadsheet_program_saves_is_read(case, run, tmp_path):
    """With other columns, in another order, and empty rows at the end."""
    separator, encoding, first = WRITTEN[case]
    found = load_records(run)
    path = export_labels(run, "csv", None, top=12).path
    with path.open(newline="", encoding="utf-8-sig") as lines:
        rows = list(csv.DictReader(lines))
    columns = ["note", *("decision", "label", "given", "name", "index")]
    rows = [{key: row.get(key, "caf\u00e9") for key in columns} for row in rows]
    decisions = np.full(12, -2)
    for row, label in zip(rows, 4 * ["007", CLASSES[1], ""], strict=True):
        row["label"], row["decision"] = label, "" if label else "DROP"
        if writable(row, encoding):
            index = CLASSES.index(label) if label else -1
            decisions[int(row["index"])] = index
    rows = [row for row in rows if writable(row, encoding)]
    file = tmp_path / "mine.csv"
    with file.open("w", newline="", encoding=encoding) as lines:
        lines.write(first)
        writer = csv.writer(lines, delimiter=separator)
        writer.writerow(columns)
        writer.writerows([[row[c] for c in columns] for row in rows])
        writer.writerow([""] * len(columns))
    (run / "report" / "decisions.csv").unlink(missing_ok=True)
    assert import_decisions(run, file).format == "csv"
    back = read_decisions(run / "report" / "decisions.csv", found)
    assert (decisions != -2).sum() >= (4 if case == "windows" else 12)
    assert back.tolist() == decisions.tolist()


def test_a_review_sheet_and_decisions_are_tables_as_well(run, tmp_path):
    found = load_records(run)
    head = f'0,"{found.names[0]}"'
    given = '"' + CLASSES[found.given[0]].replace('"', '""') + '"'
    for text, expected in (
        (f"index,name,given,label_is\n{head},{given},wrong\n", -1),
        (f"index,name,given,label_is,true_class\n{head},{given},,007\n", 3),
        (
            "index,name,given,label,decision\n"
            f"{head},{given},,drop\n{head},{given},007,relabel\n",
            3,
        ),
    ):
        (run / "report" / "decisions.csv").unlink(missing_ok=True)
        file = tmp_path / "mine.csv"
        file.write_text(text, encoding="utf-8")
        import_decisions(run, file)
        back = read_decisions(run / "report" / "decisions.csv", found)
        assert back[0] == expected


def test_cleanlab_itself_leaves_the_exported_labels_out(run):
    reason = "needs cleanlab: pip install cleanlab"
    classification = pytest.importorskip(
        "cleanlab.classification", reason=reason
    )
    import pandas as pd
    from sklearn.dummy import DummyClassifier

    found = load_records(run)
    path = export_labels(run, "cleanlab", None, top=3).path
    table = pd.read_csv(path, keep_default_na=False)
    learner = classification.CleanLearning(DummyClassifier())
    learner.fit(np.zeros((12, 1)), found.given, label_issues=table)
    issues = learner.get_label_issues()
    assert issues["is_label_issue"].sum() == 3
    issues.loc[issues["is_label_issue"], "decision"] = "drop"
    back = path.with_name("back.csv")
    issues.to_csv(back)
    (run / "report" / "decisions.csv").unlink(missing_ok=True)
    imported = import_decisions(run, back)
    assert imported.format == "cleanlab" and imported.counts["dropped"] == 3
