"""Which labels the gallery shows, and their thumbnails."""

import numpy as np
from support.label_records import issues_of, records
from support.report_page import (
    GIVEN,
    MATRIX,
    Parsed,
    content,
    decoded,
    images,
    issues,
)

from fsr_gdw_tf.label_quality.label_issues import LabelIssues
from fsr_gdw_tf.label_report import gallery
from fsr_gdw_tf.label_report.page import render


def test_the_worst_label_of_each_class_is_shown_beside_a_class_of_thousands():
    given = np.append(np.arange(1_000), np.zeros(5_000, np.int64))
    score = np.append(np.full(1_000, 0.8), np.full(5_000, 0.99))
    order = np.append(np.arange(1_000, 6_000), np.arange(1_000))
    rank = np.append(np.ones(1_000), np.arange(1, 5_001)).astype(np.int64)
    rank[0] = 5_001
    every = np.ones(6_000, bool)
    suspects = LabelIssues(score, (given + 1) % 1_000, rank, every, order)
    chosen = gallery.select_suspected(given, suspects)
    assert len(chosen) == len(set(chosen.tolist())) == 1_200
    assert set(range(1, 1_000)) < set(chosen.tolist())
    assert chosen[:3].tolist() == [1_000, 1_001, 1_002]


def test_the_worst_labels_are_shown_though_there_are_more_classes_than_places():
    given = np.append(np.zeros(80, np.int64), np.arange(1_300))
    score = np.append(np.full(80, 0.99), np.full(1_300, 0.8))
    order, every = np.arange(1_380), np.ones(1_380, bool)
    suspects = LabelIssues(score, (given + 1) % 1_300, order, every, order)
    chosen = gallery.select_suspected(given, suspects)
    assert len(chosen) == 1_200
    assert chosen[:80].tolist() == list(range(80))


def test_four_of_a_frequent_confusion_are_shown_though_others_are_worse():
    given = np.append(np.arange(1_300), np.zeros(10, np.int64))
    score = np.append(np.full(1_300, 0.8), np.full(10, 0.6))
    order, every = np.arange(1_310), np.ones(1_310, bool)
    suspects = LabelIssues(score, (given + 1) % 1_300, order, every, order)
    chosen = set(gallery.select_suspected(given, suspects).tolist())
    assert chosen & {0, *range(1_300, 1_310)} == {0, 1_300, 1_301, 1_302}


def test_only_suspicious_labels_are_shown_and_the_worst_come_first():
    chosen = gallery.select_suspected(np.array(GIVEN), issues())
    assert chosen.tolist() == [8, 0, 1, 4, 5]


def test_examples_to_compare_with_are_those_that_are_trusted_most():
    given, chosen = np.array(GIVEN), np.array([8, 0, 1, 4, 5])
    # dog is spoken of five times, cat three, eel twice.
    compare = gallery.select_trusted(given, issues(), chosen)
    assert compare.tolist() == [7, 3, 9, 6, 2]


def test_nothing_is_shown_of_a_class_that_nothing_speaks_of():
    compare = gallery.select_trusted(np.array(GIVEN), issues(), np.array([0]))
    assert compare.tolist() == [3, 7, 2, 6]


def test_the_most_frequent_confusions_come_first():
    assert gallery.confusions(np.array(MATRIX)) == [
        (0, 1, 2),
        (1, 0, 1),
        (1, 2, 1),
        (2, 1, 1),
    ]


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


def test_an_unsuspected_label_has_an_alternative_to_relabel_it_as():
    """The most probable class but the given one; suspected ones suggest it."""
    found = records(
        [0, 0, 1], [[0.7, 0.1, 0.2], [0.1, 0.6, 0.3], [0.1, 0.8, 0.1]]
    )
    some = issues_of([0.1, 0.9, 0.2], found.given, [0, 1, 1])
    rows, _ = gallery.build_rows(found, some)
    rows = {row["index"]: row for row in rows}
    assert rows[0]["alternative"] == 2 and rows[0]["suggested"] == 0
    assert rows[1]["suggested"] == 1 and "alternative" not in rows[1]
