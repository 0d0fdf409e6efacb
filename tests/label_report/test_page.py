"""The page of the label report."""

import re
from pathlib import Path

import numpy as np
from support.report_page import (
    CLASSES,
    GIVEN,
    METRICS,
    RANK,
    Parsed,
    content,
    decoded,
    without,
)

from fsr_gdw_tf.label_quality.label_issues import LabelIssues
from fsr_gdw_tf.label_quality.label_records import LabelRecords
from fsr_gdw_tf.label_report.page import Content, render, write_page


def many(n: int, classes: int, picture: np.ndarray) -> Content:
    """A large data set of noise; every third label is suspicious."""
    rng = np.random.default_rng(0)
    given = np.arange(n) % classes
    score = np.where(rng.random(n) < 1 / 3, 0.9, 0.1) + 0.1 * rng.random(n)
    suggested = np.where(score > 0.5, (given + 1) % classes, given)
    order = np.argsort(-score)
    rank = np.empty(n, np.int64)
    for c in range(classes):
        mine = order[given[order] == c]
        rank[mine] = np.arange(1, len(mine) + 1)
    names = [
        f"photos/{c:04}/a-long-name-of-a-class-{c}" for c in range(classes)
    ]
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (given, suggested), 1)
    records = LabelRecords(
        names=[f"{names[c]}/{i}.jpg" for i, c in enumerate(given)],
        given=given,
        class_names=names,
        columns={"probability": 1 - score},
        top=suggested[:, None],
        top_probs=score[:, None],
    )
    return content(
        records=records,
        issues=LabelIssues(score, suggested, rank, suggested != given, order),
        classes=[
            {**CLASSES[c % 3], "class": name} for c, name in enumerate(names)
        ],
        matrix=matrix,
        images=lambda indices: [picture] * len(indices),
    )


def test_the_page_is_below_10_megabytes_whatever_the_images():
    noise = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    text = render(many(100_000, 1_000, noise))
    assert len(text.encode()) < 10_000_000
    shown, count = re.search(r"Shown: ([\d,]+) of ([\d,]+) susp", text).groups()
    rows = Parsed(text).data["rows"]
    assert int(shown.replace(",", "")) == len(rows) > 100
    assert 32_000 < int(count.replace(",", "")) < 34_000


def test_the_header_says_what_it_was_given():
    words = Parsed(render(content())).words
    assert "pets" in words
    assert "test accuracy 94.8%" in words
    assert "5 of 10 training labels (50.0%) are suspicious" in words
    assert "Shown: 5 of 5 suspicious labels" in words


def test_a_row_of_the_gallery_says_what_it_was_given():
    row = Parsed(render(content())).data["rows"][2]
    assert decoded(row.pop("image")).size == (8, 8)
    assert row == {
        "index": 1,
        "name": "a1",
        "given": 0,
        "suggested": 1,
        "true": 1,
        "score": 0.92,
        "place": 3,
        "rank": 2,
        "of": 4,
        "why": "because of 1",
    }


def test_a_known_truth_is_told_and_leaves_nothing_to_verify():
    page = Parsed(render(content()))
    assert "The true labels of these data are known" in page.words
    assert "verify_me" not in page.words
    assert {row["true"] for row in page.data["rows"]} == {0, 1}


def test_without_truth_the_page_says_how_to_verify_the_scores():
    page = Parsed(render(content(true=None)))
    assert "The true labels of these data are known" not in page.words
    assert "--verified=runs/photos/report/verify_me.csv" in page.words
    assert "verify_me.csv" in page.links
    assert not any("true" in row for row in page.data["rows"])


def test_commands_can_be_pasted_whatever_the_folder_is_called():
    page = Parsed(render(content(true=None, run_dir=Path("my <runs>/it's"))))
    quoted = "'my <runs>/it'\"'\"'s'"
    assert f"fsr_gdw_tf.report {quoted} --review" in page.words
    sheet = "'my <runs>/it'\"'\"'s/report/verify_me.csv'"
    assert f"--verified={sheet}" in page.words


def test_without_weights_there_is_neither_column_nor_histogram_of_them():
    with_weights = render(content())
    assert "Mean weight" in with_weights
    assert "Weight in training" in with_weights
    bare = render(content(classes=without("mean_weight")))
    assert "Mean weight" not in bare
    assert "Weight in training" not in bare


def test_purity_is_drawn_when_it_was_logged():
    assert "Purity" not in render(content())
    rows = [{**row, "purity": 0.9} for row in METRICS]
    assert "Purity" in render(content(metrics=rows))


def test_a_run_that_logged_nothing_still_has_a_page():
    assert "This run has logged nothing" in render(content(metrics=[]))


def test_a_run_without_suspicious_labels_shows_the_most_doubtful_ones():
    given, nothing = np.array(GIVEN), np.zeros(10)
    calm = LabelIssues(
        nothing, given, np.array(RANK), nothing > 0, np.arange(10)
    )
    page = content(issues=calm, matrix=np.diag([4, 4, 2]))
    parsed = Parsed(render(page))
    assert "0 of 10 training labels (0.0%) are suspicious" in parsed.words
    assert "No label is suspicious." in parsed.words
    assert "10 labels with the highest scores" in parsed.words
    assert [row["index"] for row in parsed.data["rows"]] == list(range(10))


def test_the_page_is_one_file_and_refers_to_nothing_but_its_own_folder():
    text = render(content(true=None))
    page = Parsed(text)
    lists = {"label_issues", "class_summary", "noise_matrix", "verify_me"}
    outside = {k for k in page.links if not k.startswith(("#", "data:,"))}
    assert outside == {f"{name}.csv" for name in lists}
    # Names of XML vocabularies, which nobody fetches.
    assert set(re.findall(r"https?://[^/\"]+", text)) <= {"http://www.w3.org"}
    assert "default-src 'none'" in text


def test_only_a_whole_page_is_ever_there(tmp_path):
    path = tmp_path / "report" / "index.html"
    write_page(path, content())
    assert path.read_text(encoding="utf-8") == render(content())
    assert [p.name for p in path.parent.iterdir()] == ["index.html"]
