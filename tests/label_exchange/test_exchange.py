"""Labels go out to each format and come back as decisions; none is lost."""

import numpy as np
import pytest
from support.exchange import NAMES, odd_run, save_decisions, some_decisions
from support.runs import one_line

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.io.files import read_csv
from fsr_gdw_tf.label_exchange.exchange import export_labels, import_decisions
from fsr_gdw_tf.label_exchange.formats import FORMATS
from fsr_gdw_tf.label_quality.label_issues import find_label_issues
from fsr_gdw_tf.label_quality.label_records import load_records
from fsr_gdw_tf.label_report.decisions import UNDECIDED, read_decisions


def no_data():
    """Fail: the images are files, the data need not be loaded."""
    raise AssertionError


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return odd_run(tmp_path_factory.mktemp("exchange"))


@pytest.fixture
def saved(run):
    """The path of decisions.csv, which does not exist yet."""
    path = run / "report" / "decisions.csv"
    path.unlink(missing_ok=True)
    return path


@pytest.mark.parametrize("name", FORMATS)
def test_500_decisions_go_out_and_all_come_back(name, run, saved):
    """Names and classes have formulas, quotes, line and direction marks."""
    found = load_records(run)
    decisions = some_decisions(found.given)
    assert len(found) == 500 and (decisions != UNDECIDED).sum() == 375
    save_decisions(run, found, decisions)
    exported = export_labels(run, name, no_data, top=500)
    assert exported.n_labels == 500
    saved.unlink()
    imported = import_decisions(run, exported.path)
    assert imported.format == name and imported.n_new == 375
    assert read_decisions(saved, found).tolist() == decisions.tolist()
    again = import_decisions(run, exported.path.parent)
    assert again.n_new == 0 and not again.replaced


@pytest.mark.parametrize("name", FORMATS)
def test_labels_that_nobody_has_looked_at_are_no_decisions(name, run, saved):
    """In formats that show the label they are, if that is asked for."""
    exported = export_labels(run, name, no_data, top=7)
    with pytest.raises(InvalidInput, match=f"no decisions, read as {name}"):
        import_decisions(run, exported.path)
    assert not saved.exists()
    if name in ("fiftyone", "parquet", "imagefolder"):
        imported = import_decisions(run, exported.path, keep_unchanged=True)
        assert imported.counts == {"kept": 7, "relabelled": 0, "dropped": 0}


def test_earlier_decisions_that_differ_are_told(run, saved):
    found = load_records(run)
    decisions = some_decisions(found.given)
    save_decisions(run, found, decisions)
    exported = export_labels(run, "csv", no_data, top=500)
    decisions[0], decisions[4], decisions[8] = -1, UNDECIDED, found.given[8]
    save_decisions(run, found, decisions)
    imported = import_decisions(run, exported.path)
    name = f"0/{NAMES[0]}0.png"
    assert imported.replaced == [f"example 0, {name!r}: was drop, now keep"]
    assert imported.n_new == 2  # examples 0 and 4
    expected = some_decisions(found.given)
    assert read_decisions(saved, found).tolist() == expected.tolist()


def test_top_takes_the_most_suspicious_and_all_suspected_by_default(run, saved):
    rows = {}
    for top in (10, None):
        path = export_labels(run, "cleanlab", no_data, top=top).path
        rows[top] = read_csv(path)
    found = load_records(run)
    suspected = find_label_issues(found).suspected.tolist()
    flagged = {
        top: [r["index"] for r in table if r["is_label_issue"] == "True"]
        for top, table in rows.items()
    }
    assert flagged == {10: sorted(suspected[:10]), None: sorted(suspected)}
    assert [row["index"] for row in rows[10]] == list(range(500))


def test_images_in_memory_are_written_as_files(tmp_path):
    from fsr_gdw_tf import arrays

    run = odd_run(tmp_path, n=9, in_files=False)
    found = load_records(run)
    pixels = np.arange(9 * 4 * 3).reshape(9, 4, 3, 1).astype(np.uint8)
    source = arrays(pixels, found.given, list(found.class_names))
    for name in ("label_studio", "fiftyone", "imagefolder"):
        path = export_labels(run, name, lambda: source, top=9).path
        assert len(list(path.parent.rglob("*-*.png"))) == 9
    assert export_labels(run, "cleanlab", no_data, top=3).n_labels == 3


def test_the_commands_say_what_was_decided_and_what_to_do(
    run, saved, report_line
):
    found = load_records(run)
    save_decisions(run, found, some_decisions(found.given))
    code, out, err = report_line(run.path, "--export=csv", "--top=500")
    assert code == 0 and "labels.csv: 500 labels" in out, err
    saved.unlink()
    file = run / "report" / "csv"
    code, out, err = report_line(run.path, f"--import={file}")
    assert code == 0, err
    assert "read as csv: 125 kept, 125 relabelled, 125 dropped" in out
    assert "375 new decisions" in out and "--apply=decisions" in out


BAD = {
    "other run": ("index,name,given,label\n1,a,b,b\n", "no example 1 named"),
    "class": (
        'index,name,given,label\n3,0/..3.png,{0},"cow"\n',
        "line 2: this run has no class 'cow'",
    ),
    "gone": ("index,name,given,label\n999,a,b,b\n", "no example 999"),
    "no column": ("a,b\n1,2\n", "has no known column"),
    "half": ("index,name,label\n1,2,3\n", "it has no given"),
    "word": (
        "index,name,given,decision\n3,0/..3.png,{0},maybe\n",
        "got 'maybe'",
    ),
    "both": (
        "index,name,given,label,decision\n3,0/..3.png,{0},{1},keep\n",
        "correct one of the two",
    ),
    "quote": ('index,name,given,label\n"1,a,b,b\n', "save it again as CSV"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_does_not_fit_ends_in_one_line(
    case, run, saved, report_line, tmp_path
):
    text, message = BAD[case]
    found = load_records(run)
    given = str(found.class_names[found.given[3]])
    other = str(found.class_names[found.given[3] - 1])
    cells = ['"' + name.replace('"', '""') + '"' for name in (given, other)]
    file = tmp_path / "mine.csv"
    file.write_text(text.format(*cells), encoding="utf-8")
    code, _, err = report_line(run.path, f"--import={file}")
    assert code == 2 and one_line(err) and message in err
    assert not saved.exists()


FLAGS = {
    "two": (["--export=csv", "--review"], "expected one of --apply"),
    "top alone": (["--top=3"], "expected --export with --top"),
    "format alone": (["--format=csv"], "expected --import with --format"),
    "none": (["--import=none.csv"], "got none.csv, which is none"),
}


@pytest.mark.parametrize("case", FLAGS)
def test_flags_that_do_not_fit_end_in_one_line(case, run, report_line):
    flags, message = FLAGS[case]
    code, _, err = report_line(run.path, *flags)
    assert code == 2 and one_line(err) and message in err


def test_images_that_are_gone_are_told_in_one_line(tmp_path, report_line):
    run = odd_run(tmp_path, n=9)
    (tmp_path / "photos").rename(tmp_path / "elsewhere")
    for name in ("fiftyone", "imagefolder", "parquet"):
        code, _, err = report_line(run.path, f"--export={name}", "--top=9")
        assert code == 2 and one_line(err) and "9 of 9 image files" in err
        code, _, err = report_line(
            *(run.path, f"--export={name}", "--top=9"),
            f"--images={tmp_path / 'elsewhere' / '0'}",
        )
        assert code == 0, err
