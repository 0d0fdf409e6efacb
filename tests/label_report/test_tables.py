"""The tables of the label report."""

import numpy as np
from support.report_page import CLASSES, MATRIX, Parsed, content, without

from fsr_gdw_tf.label_report.page import render


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
    assert 'class="diagonal"' not in text
    assert "c0 c1 2 50.0% Show" in Parsed(text).words
    assert 'class="diagonal"' in render(content())


def test_without_recall_there_is_no_column_of_it():
    assert "Recall" in render(content())
    assert "Recall" not in render(content(classes=without("recall")))


def test_a_number_that_is_none_is_not_known():
    page = render(content(classes=[{**r, "recall": np.nan} for r in CLASSES]))
    assert "Recall" not in page
    assert "NaN" not in Parsed(page).scripts[0]


def test_identical_files_of_different_labels_are_listed():
    rows = [
        {"group": "2", "label": label, "path": path, "split": split}
        for label, path, split in (
            ("cat", "a/1.jpg", "train"),
            ("<b>dog", "b/<script>.jpg", "test"),
        )
    ]
    text = render(content(conflicts=rows))
    words = Parsed(text).words
    assert "2 cat a/1.jpg train 2 <b>dog b/<script>.jpg test" in words
    assert '<section id="copies">' in text
    assert '<section id="copies" hidden>' in render(content())
