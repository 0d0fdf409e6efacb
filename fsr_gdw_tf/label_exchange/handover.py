"""What is handed to another program: labels, and files of their images.

Image files are named by the index of the example and a checksum of its name
and label, so that they are found again whatever a program keeps of them, and
so that files of another run are not mistaken for them.
"""

import dataclasses
import hashlib
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.io.files import require_inside
from fsr_gdw_tf.label_quality.label_records import LabelRecords
from fsr_gdw_tf.label_report.gallery import CHUNK, Images, encode_whole

STEM = re.compile(r"([0-9]{7,18})-([0-9a-f]{12})")
SUFFIX = re.compile(r"\.[a-z0-9]{1,5}")


@dataclasses.dataclass(frozen=True)
class Handover:
    """Labels to hand over.

    folder: where the files for the other program are written.
    rows: a row per example, as in label_issues.csv, with two more columns, the
        `label` and `decision` of decisions.csv; the most suspicious first.
    records, scores: those of all examples of the run.
    images: returns images by example index.
    paths: the image files of all examples; None if they are not in files.
    """

    folder: Path
    rows: list[dict]
    records: LabelRecords
    scores: np.ndarray
    images: Images
    paths: Sequence[str] | None

    @property
    def class_names(self) -> list[str]:
        """Return the names of all classes of the run."""
        return [str(name) for name in self.records.class_names]


def file_stem(records: LabelRecords, index: int) -> str:
    """Return the name of an example's image file, without its suffix."""
    given = records.class_names[records.given[index]]
    text = f"{records.names[index]}\0{given}".encode("utf-8", "replace")
    return f"{index:07d}-{hashlib.blake2b(text, digest_size=6).hexdigest()}"


def index_of_file(name: str, records: LabelRecords) -> int | None:
    """Return the example whose image has this file name.

    None if the name is none of ours; raise if it is one of another run.
    """
    match = STEM.match(re.split(r"[/\\]", name)[-1])
    if not match:
        return None
    index = int(match[1])
    if index >= len(records) or file_stem(records, index) != match[0]:
        raise ValueError(
            f"the image {match[0]} is of another run; pass a file that was "
            "exported from this one"
        )
    return index


def write_images(handover: Handover, folder: Path) -> dict[int, str]:
    """Write the images of all rows; return their file names by example index.

    Files are copied as they are; other images are written as PNG or JPEG. What
    an earlier call has written is removed.
    """
    require_inside(handover.folder, folder)
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if STEM.fullmatch(path.stem):
            path.unlink()
    indices, names = [row["index"] for row in handover.rows], {}
    for start in range(0, len(indices), CHUNK):
        chunk = indices[start : start + CHUNK]
        for index, image in zip(chunk, handover.images(chunk), strict=True):
            if image is None:
                raise InvalidInput(
                    f"example {index} has no image that can be read; "
                    "--export=csv and --export=cleanlab need none"
                )
            names[index] = _write_image(handover, folder, index, image)
    return names


def _write_image(handover: Handover, folder: Path, index: int, image) -> str:
    """Write one image; return the name of its file."""
    stem = file_stem(handover.records, index)
    if handover.paths is None:
        kind, content = encode_whole(image)
        name = f"{stem}.{kind.removeprefix('image/')}"
        (folder / name).write_bytes(content)
        return name
    suffix = os.path.splitext(handover.paths[index])[1].lower()
    name = stem + (suffix if SUFFIX.fullmatch(suffix) else "")
    shutil.copyfile(handover.paths[index], folder / name)
    return name
