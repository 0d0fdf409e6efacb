"""Image folders and Parquet files of Hugging Face's `datasets`."""

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from support.exchange import CLASSES, odd_run, save_decisions, some_decisions

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.label_exchange.exchange import export_labels, import_decisions
from fsr_gdw_tf.label_quality.label_records import load_records
from fsr_gdw_tf.label_report.decisions import read_decisions


@pytest.fixture
def run(tmp_path):
    return odd_run(tmp_path, n=20)


def taken(run, path) -> list[int]:
    """Return the decisions after an import."""
    saved = run / "report" / "decisions.csv"
    saved.unlink(missing_ok=True)
    import_decisions(run, path)
    return read_decisions(saved, load_records(run)).tolist()


def test_parquet_has_images_and_is_read_with_numbered_classes(run):
    path = export_labels(run, "parquet", None, top=20).path
    assert [p.name for p in path.parent.iterdir()] == ["train.parquet"]
    table = pq.read_table(path)
    row = table.slice(0, 1).to_pylist()[0]
    assert row["label"] == row["given"]
    picture = Image.open(io.BytesIO(row["image"]["bytes"]))
    assert picture.getpixel((0, 0))[0] == row["index"]  # see odd_run
    # As Dataset.class_encode_column and to_parquet write it.
    metadata = json.loads(table.schema.metadata[b"huggingface"])
    kinds = metadata["info"]["features"]
    kinds["label"] = {"_type": "ClassLabel", "names": CLASSES}
    given = load_records(run).given
    other = (given + 1) % len(CLASSES)
    labels = pa.array(other[table["index"].to_numpy()])
    column = table.column_names.index("label")
    table = table.set_column(column, "label", labels)
    table = table.drop(["decision", "name", "given", "suggested", "score"])
    table = table.replace_schema_metadata(
        {b"huggingface": json.dumps(metadata).encode()}
    )
    pq.write_table(table, path)
    assert taken(run, path) == other.tolist()


def test_datasets_itself_reads_and_writes_them(run, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    reason = "needs datasets: pip install datasets"
    datasets = pytest.importorskip("datasets", reason=reason)
    found = load_records(run)
    decisions = some_decisions(found.given)
    for name in ("imagefolder", "parquet"):
        save_decisions(run, found, decisions)
        path = export_labels(run, name, None, top=20).path
        place = {"imagefolder": {"data_dir": str(path.parent)}}
        place = place.get(name, {"data_files": str(path)})
        loaded = datasets.load_dataset(name, split="train", **place)
        assert loaded[0]["image"].size == (4, 3)
        loaded.to_parquet(str(tmp_path / f"{name}.parquet"))
        back = taken(run, tmp_path / f"{name}.parquet")
        assert back == decisions.tolist()


def test_an_edited_metadata_file_relabels(run):
    path = export_labels(run, "imagefolder", None, top=20).path
    lines = path.read_text(encoding="utf-8").split("\n")
    assert lines[0].startswith("file_name,index,name,given,")
    file_name = lines[1].split(",")[0]
    path.write_text(f"file_name,label\n{file_name},007\n", encoding="utf-8")
    expected = np.full(20, -2)
    expected[int(file_name[:7])] = CLASSES.index("007")
    assert taken(run, path) == expected.tolist()


def test_a_damaged_parquet_file_is_refused_in_one_line(run, tmp_path):
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 and nothing")
    with pytest.raises(InvalidInput, match="write it again"):
        import_decisions(run, path)
