"""The page of a label report: what is shown, and that nothing breaks it."""

import base64
import html.parser
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fsr_gdw_tf.label_quality.label_issues import LabelIssues
from fsr_gdw_tf.label_quality.label_records import LabelRecords
from fsr_gdw_tf.label_report import gallery, plots
from fsr_gdw_tf.label_report.page import Content, render, write_page

# index: 0     1     2     3     4     5     6     7     8     9
NAMES = ["a0", "a1", "a2", "a3", "b4", "b5", "b6", "b7", "c8", "c9"]
GIVEN = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2]
TRUE = [1, 1, 0, 0, 0, 1, 1, 1, 1, 2]
SUGGESTED = [1, 1, 0, 0, 0, 2, 1, 1, 1, 2]
SCORE = [0.95, 0.92, 0.02, 0.01, 0.9, 0.6, 0.05, 0.03, 0.99, 0.04]
RANK = [1, 2, 3, 4, 1, 2, 3, 4, 1, 2]
ORDER = [8, 0, 1, 4, 5, 6, 9, 7, 2, 3]
CLASSES = [
    {
        "class": "cat",
        "n": 4,
        "part": "head",
        "effective_n": 2.1,
        "mean_weight": 0.31,
        "noise": 0.475,
        "noise_low": 0.142,
        "noise_high": 0.832,
        "recall": 0.917,
    },
    {
        "class": "dog",
        "n": 4,
        "part": "head",
        "effective_n": 2.42,
        "mean_weight": 0.52,
        "noise": 0.395,
        "noise_low": 0.104,
        "noise_high": 0.786,
        "recall": None,
    },
    {
        "class": "eel",
        "n": 2,
        "part": "tail",
        "effective_n": 0.97,
        "mean_weight": 0.18,
        "noise": 0.515,
        "noise_low": 0.098,
        "noise_high": 0.914,
        "recall": 0.5,
    },
]
MATRIX = [[2, 2, 0], [1, 2, 1], [0, 1, 1]]
METRICS = [
    {"epoch": 1, "loss": 1.2, "accuracy": 0.4, "val_accuracy": 0.3},
    {"epoch": 2, "loss": 0.8, "accuracy": 0.6, "val_accuracy": 0.7},
]


def issues() -> LabelIssues:
    """Five suspicious labels of ten."""
    score = np.array(SCORE)
    return LabelIssues(
        score=score,
        suggested=np.array(SUGGESTED),
        rank=np.array(RANK),
        is_issue=score > 0.5,
        order=np.array(ORDER),
    )


def images(indices) -> list:
    """Eight by eight pixels, gray."""
    return [np.full((8, 8, 1), 20 * i, np.uint8) for i in indices]


def content(true=TRUE, classes=CLASSES, names=NAMES, **kwargs) -> Content:
    """Ten labels by hand; `kwargs` replace what is known of them."""
    columns = {"visits": np.full(10, 8.0), "probability": 1 - np.array(SCORE)}
    if any(row.get("mean_weight") is not None for row in classes):
        columns["weight"] = np.linspace(0, 1, 10)
    records = LabelRecords(
        names=names,
        given=np.array(GIVEN),
        class_names=[row["class"] for row in classes],
        columns=columns,
        top=np.array(SUGGESTED)[:, None],
        top_probs=np.full((10, 1), 0.8),
        true=None if true is None else np.array(true),
    )
    parts = {
        "title": "pets",
        "facts": [("test accuracy", "94.8%"), ("seed", "3")],
        "statistics": records,
        "verdict": issues(),
        "metrics": METRICS,
        "classes": classes,
        "matrix": np.array(MATRIX),
        "reasons": lambda i: f"because of {i}",
        "images": images,
    }
    return Content(**{**parts, **kwargs})


class Parsed(html.parser.HTMLParser):
    """Tags, links, text outside scripts, and scripts of a page."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.links, self.text, self.scripts = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        """Note it, and where it leads."""
        self.tags.append(tag)
        attrs = dict(attrs)
        self.links += [attrs[k] for k in ("href", "src") if k in attrs]

    def handle_data(self, data):
        """Text, or a script."""
        inside = self.tags[-1] if self.tags else ""
        (self.scripts if inside == "script" else self.text).append(data)

    @property
    def words(self) -> str:
        """All text, with single spaces."""
        return " ".join(" ".join(self.text).split())

    @property
    def data(self) -> dict:
        """What the page's script works on."""
        return json.loads(self.scripts[0])


def without(key: str) -> list[dict]:
    """The classes, but a column is not known."""
    return [{**row, key: None} for row in CLASSES]


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


# ---- size and choice


def test_the_page_is_below_10_megabytes_whatever_the_images():
    noise = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    text = render(many(100_000, 1_000, noise))
    assert len(text.encode()) < 10_000_000
    shown, count = re.search(r"Shown: ([\d,]+) of ([\d,]+) susp", text).groups()
    rows = Parsed(text).data["rows"]
    assert int(shown.replace(",", "")) == len(rows) > 100
    assert 32_000 < int(count.replace(",", "")) < 34_000


def test_the_worst_label_of_each_class_is_shown_beside_a_class_of_thousands():
    given = np.append(np.arange(1_000), np.zeros(5_000, np.int64))
    score = np.append(np.full(1_000, 0.8), np.full(5_000, 0.99))
    order = np.append(np.arange(1_000, 6_000), np.arange(1_000))
    rank = np.append(np.ones(1_000), np.arange(1, 5_001)).astype(np.int64)
    rank[0] = 5_001
    every = np.ones(6_000, bool)
    suspects = LabelIssues(score, (given + 1) % 1_000, rank, every, order)
    chosen = gallery.choose(given, suspects)
    assert len(chosen) == len(set(chosen.tolist())) == 1_200
    assert set(range(1, 1_000)) < set(chosen.tolist())
    assert chosen[:3].tolist() == [1_000, 1_001, 1_002]


def test_the_worst_labels_are_shown_though_there_are_more_classes_than_places():
    given = np.append(np.zeros(80, np.int64), np.arange(1_300))
    score = np.append(np.full(80, 0.99), np.full(1_300, 0.8))
    order, every = np.arange(1_380), np.ones(1_380, bool)
    suspects = LabelIssues(score, (given + 1) % 1_300, order, every, order)
    chosen = gallery.choose(given, suspects)
    assert len(chosen) == 1_200
    assert chosen[:80].tolist() == list(range(80))


def test_four_of_a_frequent_confusion_are_shown_though_others_are_worse():
    given = np.append(np.arange(1_300), np.zeros(10, np.int64))
    score = np.append(np.full(1_300, 0.8), np.full(10, 0.6))
    order, every = np.arange(1_310), np.ones(1_310, bool)
    suspects = LabelIssues(score, (given + 1) % 1_300, order, every, order)
    chosen = set(gallery.choose(given, suspects).tolist())
    assert chosen & {0, *range(1_300, 1_310)} == {0, 1_300, 1_301, 1_302}


def test_only_suspicious_labels_are_shown_and_the_worst_come_first():
    chosen = gallery.choose(np.array(GIVEN), issues())
    assert chosen.tolist() == [8, 0, 1, 4, 5]


def test_examples_to_compare_with_are_those_that_are_trusted_most():
    given, chosen = np.array(GIVEN), np.array([8, 0, 1, 4, 5])
    # dog is spoken of five times, cat three, eel twice.
    compare = gallery.controls(given, issues(), chosen)
    assert compare.tolist() == [7, 3, 9, 6, 2]


def test_nothing_is_shown_of_a_class_that_nothing_speaks_of():
    compare = gallery.controls(np.array(GIVEN), issues(), np.array([0]))
    assert compare.tolist() == [3, 7, 2, 6]


def test_the_most_frequent_confusions_come_first():
    assert gallery.confusions(np.array(MATRIX)) == [
        (0, 1, 2),
        (1, 0, 1),
        (1, 2, 1),
        (2, 1, 1),
    ]


# ---- thumbnails


def decoded(uri: str) -> Image.Image:
    """The image of a data URI."""
    return Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1])))


def test_a_thumbnail_is_at_most_96_pixels_wide_and_keeps_its_shape():
    image = np.zeros((240, 480, 3), np.uint8)
    assert decoded(gallery.data_uri(image, 96)).size == (96, 48)


def test_a_small_image_is_kept_as_it_is():
    image = np.arange(64, dtype=np.uint8).reshape(8, 8, 1)
    small = decoded(gallery.data_uri(image, 96))
    np.testing.assert_array_equal(np.asarray(small), image[..., 0])


def test_pictures_stop_where_there_is_no_more_room():
    one = len(gallery.data_uri(images([0])[0], 96))
    made = gallery.thumbnails(
        lambda indices: [images([0])[0]] * len(indices),
        np.arange(9),
        4 * one,
        96,
    )
    assert list(made) == [0, 1, 2, 3]


def test_what_is_no_image_is_shown_by_its_name():
    page = content(images=lambda indices: [None] * len(indices))
    rows = Parsed(render(page)).data["rows"]
    found = [(row["name"], row["image"]) for row in rows]
    assert found == [(n, None) for n in ("c8", "a0", "a1", "b4", "b5")]


def test_a_number_is_called_an_example_and_a_path_is_not():
    numbers = [str(i) for i in range(10)]
    assert Parsed(render(content(names=numbers))).data["kind"] == "example "
    assert Parsed(render(content())).data["kind"] == ""


# ---- numbers


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


# ---- what is known and what is not


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


# ---- plots


def test_plots_take_their_colours_from_the_page_and_keep_text_as_text():
    svg = plots.curves(METRICS, {"loss": "training"}, "loss")
    assert "currentColor" in svg
    assert "var(--first)" in svg
    assert not re.search(r"(stroke|fill): #", svg)
    assert "<style" not in svg
    assert "<text" in svg
    assert 'aria-label="loss over the epochs of training"' in svg


def test_a_curve_leaves_out_what_was_not_logged_or_is_not_finite():
    rows = [*METRICS, {"epoch": 3, "loss": float("nan")}, {"epoch": 4}]
    assert "nan" not in plots.curves(rows, {"loss": "training"}, "loss").lower()


def test_a_histogram_tells_right_and_wrong_labels_apart_where_it_can():
    values = np.array([0.1, 0.9, np.nan])
    both = plots.histogram(values, np.array([False, True, False]), "score")
    assert "right labels" in both
    assert "wrong labels" in both
    assert "all labels" in plots.histogram(values, None, "score")


# ---- colours


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4
        for p in parts
    ]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_can_be_read_by_day_and_by_night(scheme):
    css = (Path(gallery.__file__).parent / "page.css").read_text()
    block = re.findall(r":root \{(.*?)\}", css, re.DOTALL)[scheme]
    colours = dict(re.findall(r"--(\w+): (#\w{6})", block))
    for text in ("ink", "soft", "link", "second", "good"):
        for ground in ("page", "card", "tile"):
            pair = luminance(colours[text]), luminance(colours[ground])
            ratio = (max(pair) + 0.05) / (min(pair) + 0.05)
            assert ratio >= 4.5, (text, ground)  # WCAG 2, level AA


# ---- what comes from data


HOSTILE = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(2)> & \"quotes\" 'too' $css",
    "\u202e\u05e9\u05dc\u05d5\u05dd\u2028 <!-- </script > <script",
)


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
