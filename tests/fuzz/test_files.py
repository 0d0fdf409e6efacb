"""Whatever is in lists and folders: it is read, or refused in one line."""

import io
import os

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image
from support.fuzzing import HARD, damaged, folder, refused, texts
from support.label_records import simulated

from fsr_gdw_tf.data import folder as image_folder
from fsr_gdw_tf.data.file_lists import read_file_list
from fsr_gdw_tf.data.label_overrides import apply_overrides, read_weights
from fsr_gdw_tf.data.source import arrays
from fsr_gdw_tf.io.files import read_csv, write_csv
from fsr_gdw_tf.io.run_folder import RunFolder
from fsr_gdw_tf.io.spreadsheet import neutralise, restore
from fsr_gdw_tf.label_quality.label_records import (
    load_records,
    read_records,
    write_records,
)
from fsr_gdw_tf.label_report.decisions import UNDECIDED, parse_decisions
from fsr_gdw_tf.paper_figures.run import Run

cells = st.text(st.sampled_from(HARD), max_size=4) | texts
SOURCE = arrays(np.zeros((4, 2)), np.array([0, 1, 0, 1]))
RECORDS = simulated(n=20, classes=2)


def tables(*names: str) -> st.SearchStrategy[bytes]:
    """Draw a CSV that has mostly these columns, or any bytes."""
    known = st.sampled_from([*names, "0", "1", "keep", "class 0", "-1", "nan"])
    header = st.just(list(names)) | st.lists(known | cells, max_size=4)
    rows = st.lists(st.lists(known | cells, max_size=5), max_size=4)
    text = st.tuples(header, rows).map(
        lambda parts: "\n".join(",".join(row) for row in [parts[0], *parts[1]])
    )
    return text.map(lambda t: t.encode("utf-8")) | st.binary()


@given(tables("path", "label", "weight"), st.sampled_from([".csv", ".txt"]))
def test_a_list(content, suffix):
    with folder() as path:
        file = path / f"list{suffix}"
        file.write_bytes(content)
        entries, no = refused(read_file_list, str(file), None)
        assert no or len(entries.paths) == len(entries.labels) > 0
        refused(read_weights, str(file))


@given(tables("path", "label", "weight", "copy"))
def test_a_list_of_cleaned_labels(content):
    with folder() as path:
        file = path / "list.csv"
        file.write_bytes(content)
        cleaned, no = refused(apply_overrides, SOURCE, str(file))
        assert no or 0 < len(cleaned) <= len(SOURCE)


@given(tables("index", "name", "given", "label", "decision"))
@example(b"index,name,given,label,decision\n\xb2,a,b,c,keep\n")
def test_decisions(content):
    with folder() as path:
        file = path / "decisions.csv"
        file.write_bytes(content)
        found, no = refused(parse_decisions, file, RECORDS)
        assert no or ((found[0] >= UNDECIDED).all() and (found[0] < 2).all())


@given(texts)
def test_a_text_is_read_as_it_was_written(text):
    assert restore(neutralise(text)) == text


@given(st.lists(texts.filter(str.strip), min_size=1, max_size=3))
def test_texts_are_read_from_a_table_as_they_were_written(column):
    with folder() as path:
        write_csv(path / "a.csv", [{"a": f"x{text}"} for text in column])
        rows = read_csv(path / "a.csv")
    assert [row["a"] for row in rows] == [f"x{text}" for text in column]


def image() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (2, 2)).save(file, "PNG")
    return file.getvalue()


names = st.binary(min_size=1, max_size=6).map(
    lambda name: name.translate(None, b"/\0")
)
names |= st.sampled_from([b"cat", b"dog", b"train", b"test", b"a.png"])
contents = st.just(image()) | damaged(image()) | st.sampled_from([None, b""])


trees = st.lists(
    st.tuples(st.lists(names, min_size=1, max_size=3), contents), max_size=6
)


@given(trees)
def test_a_folder_of_images(files):
    """Names are any bytes; None is a pipe, which nothing must open."""
    with folder() as path:
        for parts, content in files:
            plant(os.path.join(os.fsencode(path), *parts), content)
        splits, no = refused(image_folder, str(path), test_share=0.5)
        assert no or min(len(splits.train), splits.train.classes - 1) > 0


def plant(path: bytes, content: bytes | None) -> None:
    """Write a file or a pipe; nothing where the name is taken."""
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if content is None:
            os.mkfifo(path)
            return
        with open(path, "xb") as file:
            file.write(content)
    except OSError:
        return


@pytest.fixture(scope="module")
def records_file(tmp_path_factory) -> bytes:
    file = tmp_path_factory.mktemp("records") / "labels.parquet"
    write_records(file, RECORDS)
    return file.read_bytes()


@given(st.data())
def test_label_records(records_file, data):
    with folder() as path:
        file = path / "labels.parquet"
        file.write_bytes(data.draw(damaged(records_file)))
        found, no = refused(read_records, file)
        assert no or found.top.max() < len(found.class_names)


RUN = {
    "metrics.csv": b"epoch,val_accuracy,step_seconds\n1,0.5,0.1\n2,0.6,0.1\n",
    "DONE": b'{"test_accuracy_last": 0.6, "sha256": {"metrics.csv": "0"}}\n',
    "run.json": b'{"data": {"realised_noise": 0.2}, "seed": 0}\n',
    "evaluation.json": b'{"accuracy": 0.5, "per_class_accuracy": {}}\n',
    "class_weights.csv": b"epoch,class,mean\n1,a,0.5\n",
    "config.gin": b"EPOCHS = 1\n",
    "labels.parquet": b"PAR1PAR1",
    "model.keras": b"PK\x05\x06" + bytes(18),
    "checkpoints/checkpoint": b'model_checkpoint_path: "ckpt-1"\n',
}


@given(st.data())
def test_a_run_folder(data):
    with folder() as path:
        for name in data.draw(st.sets(st.sampled_from(sorted(RUN)))):
            content = data.draw(
                st.just(RUN[name]) | damaged(RUN[name]) | st.binary()
            )
            (path / name).parent.mkdir(exist_ok=True)
            (path / name).write_bytes(content)
        run = RunFolder(path)
        for read in (run.metrics, run.summary, run.lost_files):
            refused(read)
        for read in (run.require_new, run.require_checkpoints):
            refused(read)
        refused(run.check, "EPOCHS = 1\n")
        refused(load_records, run)
        drawn = Run(path, "run")
        for name in ("metrics", "noise", "labels", "class_weights"):
            refused(getattr, drawn, name)
