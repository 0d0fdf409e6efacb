"""The page of the label report."""

import re

import numpy as np
import pytest
from support.report_page import (
    CLASSES,
    GIVEN,
    HOSTILE,
    MATRIX,
    METRICS,
    NAMES,
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


def test_the_table_of_classes_says_what_it_was_given():
    words = Parsed(render(content())).words
    assert "eel tail 2 51.5% 9.8% to 91.4% 1 0.18 50.0%" in words
    assert "cat head 4 47.5% 14.2% to 83.2% 2 0.31 91.7%" in words
    assert "dog head 4 39.5% 10.4% to 78.6% 2 0.52 -" in words


def test_the_confusions_say_what_they_were_given():
    words = Parsed(render(content())).words
    assert "cat dog eel cat 2 2 dog 1 2 1 eel 1 1" in words
    assert "cat dog 2 50.0% Show dog cat 1 25.0% Show" in words


def test_31_classes_have_a_table_of_confusions_and_no_heat_map():
    names = [f"c{i}" for i in range(31)]
    matrix = np.zeros((31, 31), np.int64)
    matrix[:3, :3] = MATRIX
    page = content(
        classes=[{**CLASSES[0], "class": name} for name in names], matrix=matrix
    )
    text = render(page)
    assert 'class="kept"' not in text
    assert "c0 c1 2 50.0% Show" in Parsed(text).words
    assert 'class="kept"' in render(content())


def test_a_known_truth_is_told_and_leaves_nothing_to_verify():
    page = Parsed(render(content()))
    assert "Here the true labels are known" in page.words
    assert "verify_me" not in page.words
    assert {row["true"] for row in page.data["rows"]} == {0, 1}


def test_without_truth_the_page_says_how_to_verify_the_scores():
    page = Parsed(render(content(true=None)))
    assert "Here the true labels are known" not in page.words
    assert "--verified=RUN_DIR/report/verify_me.csv" in page.words
    assert "verify_me.csv" in page.links
    assert not any("true" in row for row in page.data["rows"])


def test_without_weights_there_is_neither_column_nor_histogram_of_them():
    with_weights = render(content())
    assert "Mean weight" in with_weights
    assert "Weight in training" in with_weights
    bare = render(content(classes=without("mean_weight")))
    assert "Mean weight" not in bare
    assert "Weight in training" not in bare


def test_without_recall_there_is_no_column_of_it():
    assert "Recall" in render(content())
    assert "Recall" not in render(content(classes=without("recall")))


def test_a_number_that_is_none_is_not_known():
    page = render(content(classes=[{**r, "recall": np.nan} for r in CLASSES]))
    assert "Recall" not in page
    assert "NaN" not in Parsed(page).scripts[0]


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
    assert "10 labels that the network doubts most" in parsed.words
    assert [row["index"] for row in parsed.data["rows"]] == list(range(10))


@pytest.fixture
def hostile() -> Content:
    """Names of classes, files and reasons that try to be markup."""
    classes = [
        {**row, "class": name}
        for row, name in zip(CLASSES, HOSTILE, strict=True)
    ]
    names = [f"{HOSTILE[i % 3]}{i}" for i in range(10)]
    return content(
        classes=classes,
        names=names,
        title=HOSTILE[0],
        facts=[(HOSTILE[1], HOSTILE[0]), (HOSTILE[2], HOSTILE[2])],
        reasons=lambda i: HOSTILE[i % 3],
    )


def test_names_cannot_become_markup(hostile):
    page, plain = Parsed(render(hostile)), Parsed(render(content()))
    assert page.tags == plain.tags
    assert page.tags.count("script") == 2


def test_names_arrive_as_they_are(hostile):
    page = Parsed(render(hostile))
    assert not set("<>&") & set(page.scripts[0])
    assert page.data["names"] == list(HOSTILE)
    assert page.data["rows"][0]["name"] == f"{HOSTILE[2]}8"
    assert page.data["rows"][0]["why"] == HOSTILE[2]
    for name in HOSTILE:
        assert " ".join(name.split()) in page.words


def test_a_file_name_that_is_no_text_does_not_stop_the_page(tmp_path):
    names = [f"{name}\udcff.png" for name in NAMES]
    write_page(tmp_path / "index.html", content(names=names))
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert Parsed(text).data["rows"][0]["name"] == "c8?.png"


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
