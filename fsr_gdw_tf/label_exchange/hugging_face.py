"""Data sets of Hugging Face: an image folder with metadata.csv, and Parquet."""

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from fsr_gdw_tf.io.files import atomic_write, one_line_errors, write_csv
from fsr_gdw_tf.label_exchange import csv_files
from fsr_gdw_tf.label_exchange.answers import Answer, class_name, text
from fsr_gdw_tf.label_exchange.handover import Handover, write_images

FILE, IMAGE = "file_name", "image"
COLUMNS = (
    *("index", "name", "given", "suggested", "score"),
    *("label", "decision"),
)
TYPES = {"index": "int64", "score": "float64"}  # the others are texts
READ = ("index", "name", "given", "label", "decision")
METADATA_KEY = b"huggingface"  # what `datasets` knows of the columns
AGAIN = "write it again with Dataset.to_parquet"


def write_image_folder(handover: Handover) -> Path:
    """Write images and metadata.csv beside them; return its path."""
    path = handover.folder / "metadata.csv"
    files = write_images(handover, handover.folder)
    rows = [{FILE: files[row["index"]], **row} for row in _rows(handover)]
    write_csv(path, rows, (FILE, *COLUMNS))
    return path


def write_parquet(handover: Handover) -> Path:
    """Write images and labels as one Parquet file; return its path."""
    path, folder = handover.folder / "train.parquet", handover.folder
    files, rows = write_images(handover, folder), _rows(handover)
    images = []
    for name in (files[row["index"]] for row in rows):
        images.append({"bytes": (folder / name).read_bytes(), "path": name})
        (folder / name).unlink()
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    columns = {IMAGE: pa.array(images, kind)}
    for key in COLUMNS:
        kind = pa.type_for_alias(TYPES.get(key, "string"))
        columns[key] = pa.array([row[key] for row in rows], kind)
    metadata = {METADATA_KEY: json.dumps(_features()).encode()}
    table = pa.table(columns).replace_schema_metadata(metadata)
    with atomic_write(path) as temporary:
        pq.write_table(table, temporary)
    return path


def _rows(handover: Handover) -> list[dict]:
    """Return rows in which every label is filled in."""
    return [
        {k: row[k] or row["given"] if k == "label" else row[k] for k in COLUMNS}
        for row in handover.rows
    ]


def _features() -> dict:
    """Return the columns as `datasets` describes them in its own files."""
    features = {
        key: {"dtype": TYPES.get(key, "string"), "_type": "Value"}
        for key in COLUMNS
    }
    return {"info": {"features": {IMAGE: {"_type": "Image"}, **features}}}


def read_image_folder(path: Path) -> Iterator[Answer]:
    """Yield the answers in metadata.csv."""
    for line, cells in csv_files.read_rows(path):
        cells["file"], cells["shown"] = cells.get(FILE), True
        yield f"line {line}", cells


def read_parquet(path: Path) -> Iterator[Answer]:
    """Yield the answers in a Parquet file."""
    with one_line_errors(path, AGAIN):
        file = pq.ParquetFile(path)
        columns = [name for name in READ if name in file.schema_arrow.names]
        names = _class_names(file.schema_arrow)
        has_image = IMAGE in file.schema_arrow.names
        wanted = [*columns, *([f"{IMAGE}.path"] if has_image else [])]
        number = 0
        for batch in file.iter_batches(columns=wanted):
            for row in batch.to_pylist():
                number += 1
                cells = {name: text(row[name]) for name in columns}
                cells["label"] = class_name(row.get("label"), names)
                image = row.get(IMAGE) or {}
                cells["file"], cells["shown"] = text(image.get("path")), True
                yield f"row {number}", cells


def _class_names(schema: pa.Schema) -> list[str]:
    """Return the names of classes, if labels are stored as numbers."""
    content = json.loads((schema.metadata or {}).get(METADATA_KEY, b"{}"))
    features = content.get("info", {}).get("features", {})
    return features.get("label", {}).get("names", [])


def holds_image_folder(path: Path) -> bool:
    """Return whether a file lists images as metadata.csv does."""
    return csv_files.holds_spreadsheet(path) and FILE in csv_files.header(path)


def holds_parquet(path: Path) -> bool:
    """Return whether a file is Parquet, by its name."""
    return path.suffix.lower() == ".parquet"
