"""Read the images of a run by example index."""

import os
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from fsr_gdw_tf.data.file_reader import FileReader
from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.label_quality.label_records import LabelRecords
from fsr_gdw_tf.label_report.gallery import Images


def of_source(source: Source) -> Images:
    """Return the images of a source."""
    fetch, rows = source.reader.fetch, source.rows
    return lambda indices: [_image(fetch, rows[i]) for i in indices]


def of_run(
    records: LabelRecords,
    reload: Callable[[], Source],
    images_folder: str | None = None,
) -> Images:
    """Return the images of a finished run, read again.

    reload: reads the data of the run, if they are no image files.
    images_folder: where the image files are now, if they were moved.
    """
    if records.training_info.get("folder") is None and not images_folder:
        return of_source(_require_same(reload(), records))
    paths = image_paths(records, images_folder)

    def read(indices: Sequence[int]) -> list[np.ndarray | None]:
        shown = [paths[i] for i in indices]
        _require_files(shown)
        reader = FileReader(shown)
        return [_image(reader.fetch, row) for row in range(len(shown))]

    return read


def image_paths(
    records: LabelRecords, images_folder: str | None = None
) -> Sequence[str]:
    """Return the paths of the image files.

    If they were moved, `images_folder` replaces the common part of their paths.
    """
    paths = records.paths
    if not images_folder:
        return paths
    if records.training_info.get("folder") is None:
        raise InvalidInput(
            "--images needs a run on image files, this run was not trained on "
            "files; omit --images"
        )
    common = os.path.commonpath([os.path.dirname(path) for path in paths])
    relative = [os.path.relpath(path, common) for path in paths]
    return [os.path.abspath(os.path.join(images_folder, r)) for r in relative]


def _require_files(paths: list[str]) -> None:
    missing = [path for path in paths if not os.path.isfile(path)]
    if missing:
        raise InvalidInput(
            f"{len(missing)} of {len(paths)} image files are missing, such as "
            f"{missing[0]}; restore them, or pass --images=FOLDER if they were "
            "moved"
        )


def _require_same(source: Source, records: LabelRecords) -> Source:
    """Return the source; raise if its labels are not those of the run."""
    n = len(source) - source.n_clean
    if not np.array_equal(source.labels[:n], records.given):
        raise InvalidInput(
            "expected the data that the run was trained on, got other labels; "
            "restore the original data"
        )
    return source


def _image(fetch: Callable, index: int) -> np.ndarray | None:
    """Return uint8 `[height, width, channels]`, or None if it is no image."""
    try:
        image = fetch(tf.constant(index, tf.int64)).numpy()
    except (AttributeError, tf.errors.OpError, ValueError):
        return None
    if getattr(image, "ndim", 0) == 2:
        image = image[..., None]
    if getattr(image, "ndim", 0) != 3 or image.shape[-1] not in (1, 3):
        return None
    if image.dtype != np.uint8:
        low, high = float(image.min()), float(image.max())
        image = (image - low) * (255 / max(high - low, 1e-9))
    return image.astype(np.uint8)
