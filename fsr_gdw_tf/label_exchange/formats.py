"""The table of formats, each written and read by a module of this folder."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.label_exchange import (
    csv_files,
    fiftyone,
    hugging_face,
    label_studio,
)
from fsr_gdw_tf.label_exchange.answers import Answer
from fsr_gdw_tf.label_exchange.handover import Handover


class Format(NamedTuple):
    """How labels are written for another program, and read back.

    write: writes the files; returns the path of the one to open.
    read: yields the answers in a file.
    holds: returns whether a file seems to be of this format.
    names: the files that are looked for if a folder is read.
    """

    write: Callable[[Handover], Path]
    read: Callable[[Path], Iterator[Answer]]
    holds: Callable[[Path], bool]
    names: tuple[str, ...]


# A file is of the first format that holds it.
FORMATS = {
    "label_studio": Format(
        label_studio.write_tasks,
        label_studio.read,
        label_studio.holds,
        ("tasks.json",),
    ),
    "fiftyone": Format(
        fiftyone.write_folder,
        fiftyone.read,
        fiftyone.holds,
        ("samples.json", "labels.json"),
    ),
    "parquet": Format(
        hugging_face.write_parquet,
        hugging_face.read_parquet,
        hugging_face.holds_parquet,
        ("train.parquet",),
    ),
    "imagefolder": Format(
        hugging_face.write_image_folder,
        hugging_face.read_image_folder,
        hugging_face.holds_image_folder,
        ("metadata.csv",),
    ),
    "cleanlab": Format(
        csv_files.write_cleanlab,
        csv_files.read,
        csv_files.holds_cleanlab,
        ("label_issues.csv",),
    ),
    "csv": Format(
        csv_files.write_spreadsheet,
        csv_files.read,
        csv_files.holds_spreadsheet,
        ("labels.csv",),
    ),
}


def find_file(path: Path, name: str | None = None) -> tuple[Path, str]:
    """Return the file to read, and the name of its format.

    path: a file, or a folder that a format has written.
    name: of the format; by default it is recognised.
    """
    formats = {name: FORMATS[name]} if name else FORMATS
    if path.is_dir():
        inside = (path / n for f in formats.values() for n in f.names)
        path = next((file for file in inside if file.is_file()), path)
    if not path.is_file():
        raise InvalidInput(
            f"expected a file of {' or '.join(formats)}, got {path}, which is "
            "none and has none in it; pass the file that you have exported"
        )
    found = [name] if name else [n for n, f in FORMATS.items() if f.holds(path)]
    if not found:
        raise InvalidInput(
            f"the format of {path} is not recognised; pass --format: one of "
            f"{', '.join(FORMATS)}"
        )
    return path, found[0]
