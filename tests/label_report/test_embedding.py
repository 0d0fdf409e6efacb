"""The map of examples by the features of the trained network."""

import sys
import types
import warnings
from importlib.machinery import ModuleSpec
from xml.etree import ElementTree as Xml

import numpy as np
import pytest
from support.label_records import simulated
from support.report_page import HOSTILE, Parsed, content, issues

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.label_quality.label_issues import find_label_issues
from fsr_gdw_tf.label_report.embedding import (
    MAX_OTHERS,
    MAX_SUSPECTED,
    Embedding,
    draw_map,
    embed,
    read_embedding,
    write_embedding,
)
from fsr_gdw_tf.label_report.page import render

TEN = Embedding(np.arange(10), np.arange(20.0).reshape(10, 2), "pca")


def test_places_keep_the_two_directions_in_which_features_differ_most():
    """Two coordinates that differ, hidden among others by a rotation."""
    rng = np.random.default_rng(0)
    flat = np.zeros((10, 6))
    flat[:, :2] = rng.normal(size=(10, 2)) * (5, 2)
    turned = flat @ np.linalg.qr(rng.normal(size=(6, 6)))[0] + 3
    found = embed(issues(), lambda indices: turned[indices])
    assert found.method == "pca" and found.indices.tolist() == list(range(10))

    def distances(x):
        return np.linalg.norm(x[:, None] - x[None], axis=-1)

    np.testing.assert_allclose(
        distances(found.places), distances(flat), atol=1e-4
    )


def test_features_of_a_collapsed_network_are_one_place_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = embed(issues(), lambda indices: np.ones((len(indices), 6)))
    assert not found.places.any()


def test_the_worst_suspected_and_some_others_are_on_the_map():
    records = simulated(4000, noise=0.3)
    found = find_label_issues(records)
    asked = []

    def features(indices):
        asked.append(indices)
        return np.ones((len(indices), 1))  # one dimension, all alike

    map_ = embed(found, features)
    assert asked[0].tolist() == map_.indices.tolist()
    assert len(map_.indices) == MAX_SUSPECTED + MAX_OTHERS
    assert set(found.suspected[:MAX_SUSPECTED]) <= set(map_.indices)
    text = draw_map(records, found, map_)
    assert len(text) < 200_000  # the page stays below 10 MB
    assert "nan" not in text


def test_umap_is_used_if_it_is_installed(monkeypatch):
    class Umap:
        def __init__(self, n_components, random_state):
            assert (n_components, random_state) == (2, 0)

        def fit_transform(self, features):
            return features[:, :2] + 1

    umap = types.ModuleType("umap")
    umap.UMAP, umap.__spec__ = Umap, ModuleSpec("umap", None)
    monkeypatch.setitem(sys.modules, "umap", umap)
    found = embed(find_label_issues(simulated(200)), lambda i: np.c_[i, i, i])
    assert found.method == "umap"
    assert found.places[:, 0].tolist() == (found.indices + 1).tolist()


def test_places_are_read_back_and_files_of_others_checked(tmp_path):
    path = tmp_path / "embedding.csv"
    assert read_embedding(path, 10) is None
    write_embedding(path, TEN)
    back = read_embedding(path, 10)
    assert back.method == "pca"
    np.testing.assert_array_equal(back.places, TEN.places)
    for text, examples in (
        (path.read_text(), 9),
        ("index,pca_1,pca_2\n0,nan,1\n", 10),
        ("index,pca_1,pca_2\n-1,0,1\n", 10),
        ("index,pca_1,pca_2\n0,a,1\n", 10),
        ("index,x\n0,1\n", 10),
    ):
        path.write_text(text)
        with pytest.raises(InvalidInput, match="delete it"):
            read_embedding(path, examples)


def test_suspected_labels_are_crosses_that_say_what_they_are():
    """A shape, not a colour alone; the figure has a name."""
    shown = content(true=None, embedding=TEN)
    svg = Xml.fromstring(draw_map(shown.records, shown.issues, TEN))
    assert svg.get("aria-label") == "Map of 10 examples, 5 of them suspicious"
    crosses = [p for p in svg.iter("path") if p.get("class") == "cross"]
    assert [p.find("title").text for p in crosses][:2] == [
        "a0: labelled cat, perhaps dog",
        "a1: labelled cat, perhaps dog",
    ]
    dots = next(p for p in svg.iter("path") if p.get("class") == "dots")
    assert dots.get("d").count("h0") == 5
    assert [t.text for t in svg.iter("text")] == ["cat", "dog", "eel"]


def test_the_page_has_a_map_if_there_are_places():
    page = render(content(embedding=TEN))
    assert '<a href="#map">' in page
    assert "features of the trained network (PCA)" in Parsed(page).words
    without = render(content())
    assert '<a href="#map" hidden>' in without
    assert '<section id="map" hidden>' in without


def test_hostile_names_are_only_text_on_the_map():
    shown = content(names=[f"{HOSTILE[i % 3]}{i}" for i in range(10)])
    text = draw_map(shown.records, shown.issues, TEN)
    assert "<script" not in text and "<img" not in text
    Xml.fromstring(text)
