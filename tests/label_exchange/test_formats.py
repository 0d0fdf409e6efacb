"""Which format a file has."""

import json

import pytest

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.label_exchange.formats import find_file

FILES = {
    "a.json": (json.dumps([{"data": {}}]), "label_studio"),
    "b.json": (json.dumps({"labels": {}}), "fiftyone"),
    "samples.json": (json.dumps({"samples": []}), "fiftyone"),
    "a.parquet": ("", "parquet"),
    "metadata.csv": ("file_name,label\n", "imagefolder"),
    "a.csv": (",is_label_issue;,label\n".replace(";", ""), "cleanlab"),
    "b.csv": ("index;name;given;label\n", "csv"),
    "c.TSV": ("index\tlabel\n", "csv"),
    "empty.csv": ("", "csv"),
}


@pytest.mark.parametrize("name", FILES)
def test_the_format_is_recognised_by_name_and_content(name, tmp_path):
    text, expected = FILES[name]
    (tmp_path / name).write_text(text)
    assert find_file(tmp_path / name) == (tmp_path / name, expected)
    assert find_file(tmp_path / name, "csv")[1] == "csv"


def test_a_folder_is_searched_for_the_file_of_a_format(tmp_path):
    (tmp_path / "labels.json").write_text('{"labels": {}}')
    (tmp_path / "labels.csv").write_text("index,label\n")
    assert find_file(tmp_path)[1] == "fiftyone"
    assert find_file(tmp_path, "csv")[0].name == "labels.csv"
    with pytest.raises(InvalidInput, match="expected a file of parquet"):
        find_file(tmp_path, "parquet")


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.xlsx", "x"), ("a.json", "{}"), ("a.json", "{"), ("a.json", "3")],
)
def test_an_unknown_file_is_refused_in_one_line(name, text, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.raises(InvalidInput) as error:
        find_file(tmp_path / name)
    assert "\n" not in str(error.value)
