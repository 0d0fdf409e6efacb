"""The images of a run, by the index of the example."""

import os
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from fsr_gdw_tf.data.datasets.image_files import FileReader
from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.label_quality.label_records import LabelRecords
from fsr_gdw_tf.label_report.gallery import Images


def of_source(source: Source) -> Images:
    """Images of the data that a run has just been trained on."""
    fetch, rows = source.reader.fetch, source.rows
    return lambda indices: [_image(fetch, rows[i]) for i in indices]


def of_run(
    records: LabelRecords,
    reload: Callable[[], Source],
    moved: str | None = None,
) -> Images:
    """Images of a run that has ended, from where its data are now.

    reload: reads the data of the run again, where they are no files.
    moved: the folder that took the place of the one that held them all.
    """
    if records.training_info.get("folder") is None and not moved:
        return of_source(_same(reload(), records))
    paths = image_paths(records, moved)

    def read(indices: Sequence[int]) -> list[np.ndarray | None]:
        chosen = [paths[i] for i in indices]
        _require(chosen)
        reader = FileReader(chosen)
        return [_image(reader.fetch, row) for row in range(len(chosen))]

    return read


def image_paths(
    records: LabelRecords, moved: str | None = None
) -> Sequence[str]:
    """Where the images are; below `moved`, if they were moved there."""
    paths = records.paths
    if not moved:
        return paths
    if records.training_info.get("folder") is None:
        raise InvalidInput(
            "the data of this run are no files; leave --images out"
        )
    common = os.path.commonpath([os.path.dirname(path) for path in paths])
    here = [os.path.relpath(path, common) for path in paths]
    return [os.path.abspath(os.path.join(moved, path)) for path in here]


def _require(paths: list[str]) -> None:
    lost = [path for path in paths if not os.path.isfile(path)]
    if lost:
        raise InvalidInput(
            f"{len(lost)} of the {len(paths)} images to show are not where "
            f"they were, {lost[0]} the first; bring them back, or pass "
            "--images=FOLDER, the folder that holds them now"
        )


def _same(source: Source, records: LabelRecords) -> Source:
    """The data, if they are those that the run was trained on."""
    n = len(source) - source.n_clean
    if not np.array_equal(source.labels[:n], records.given):
        raise InvalidInput(
            "the data of this run are not those it was trained on any more; "
            "bring them back"
        )
    return source


def _image(fetch: Callable, index: int) -> np.ndarray | None:
    """Bytes `[height, width, channels]`; None if it is no image."""
    try:
        image = fetch(tf.constant(index, tf.int64)).numpy()
    except (tf.errors.OpError, ValueError):
        return None
    if getattr(image, "ndim", 0) == 2:
        image = image[..., None]
    if getattr(image, "ndim", 0) != 3 or image.shape[-1] not in (1, 3):
        return None
    if image.dtype != np.uint8:
        low, high = float(image.min()), float(image.max())
        image = (image - low) * (255 / max(high - low, 1e-9))
    return image.astype(np.uint8)
