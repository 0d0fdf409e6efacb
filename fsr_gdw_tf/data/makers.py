"""Sources of what users have: arrays, tables, images in files, TFDS.

`Classifier.fit` and `evaluate` take them as they are. Those of images have a
view: in training random crops and mirrors, in tests one fixed view.
"""

import csv
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyarrow import csv as arrow_csv

from fsr_gdw_tf.data import label_checks, tables
from fsr_gdw_tf.data.augmentation import CropFlip, Identity, ResizedCropFlip
from fsr_gdw_tf.data.datasets import image_files
from fsr_gdw_tf.data.datasets.tfds import tfds_images
from fsr_gdw_tf.data.file_lists import FileList, open_list
from fsr_gdw_tf.data.source import ArrayReader, Source, arrays
from fsr_gdw_tf.io.files import one_line_errors

SIZE = 224  # height and width of images in files, in pixels


def from_arrays(
    x: Any,
    y: Any,
    class_names: Sequence[str] | None = None,
    view: Identity | None = None,
) -> Source:
    """Return a source of arrays.

    x: the inputs; of a network with several, a tuple, list or dict of arrays.
    y: labels of any kind that `Classifier.fit` takes.
    class_names: in the order of the network's outputs; by default the different
        labels in order or, for numbers, '0', '1', ... up to the largest.
    view: augmentation of images, such as `CropFlip()`; None: none.
    """
    y, names = label_checks.encode(y, class_names)
    return dataclasses.replace(arrays(x, y, names), view=view)


def from_dataframe(
    table: Any,
    label: str = "label",
    path: str | None = None,
    class_names: Sequence[str] | None = None,
    view: Identity | None = None,
) -> Source:
    """Return a source of a data frame, Arrow table or Hugging Face data set.

    label: the name of the column of labels.
    path: the name of a column of image files; None: the inputs are all other
        columns, as one array if they are numbers, else as a dict.
    view: by default `ResizedCropFlip(224)` of image files, none of others.
    """
    if path is not None:
        return _from_paths(table, label, path, class_names, view)
    found = tables.read_table(table, label)
    y, names = label_checks.encode(found.y, class_names or found.class_names)
    names = names or label_checks.numbered_names(y)
    if isinstance(found.x, tables.RowReader):
        return Source(found.x, y, names, view=view)
    return dataclasses.replace(arrays(found.x, y, names), view=view)


def _from_paths(
    table: Any,
    label: str,
    path: str,
    class_names: Sequence[str] | None,
    view: Identity | None,
) -> Source:
    """Return a source of the image files in a column."""
    columns = tables.read_columns(table, [label, path])
    y, names = label_checks.encode(columns[label], class_names)
    names = names or label_checks.numbered_names(y)
    paths = [str(name) for name in columns[path]]
    entries = FileList("the table", paths, y.tolist(), range(len(y)), "row")
    source = image_files.file_list_source(
        [entries], names, True, False, f"expected files in the column {path!r}"
    )
    return dataclasses.replace(source, view=view or ResizedCropFlip(SIZE))


def from_folder(
    root: str | Path,
    class_names: Sequence[str] | None = None,
    view: Identity | None = None,
    verify: bool = True,
    cache: bool | float = False,
) -> Source:
    """Return a source of the images in `<root>/<class name>/`.

    class_names: those of the training set, for a test set; by default the
        names of the folders.
    view: by default `ResizedCropFlip(224)`; `Resize(64)` only resizes.
    verify: decode every image first, and leave out the broken ones.
    cache: keep the files in memory, see `FileReader`.
    """
    source = image_files.folder_source(Path(root), class_names, verify, cache)
    return dataclasses.replace(source, view=view or ResizedCropFlip(SIZE))


def from_csv(
    file: str | Path,
    label: str = "label",
    class_names: Sequence[str] | None = None,
    view: Identity | None = None,
    root: str | Path | None = None,
) -> Source:
    """Return a source of a CSV file: of images if it has a column "path".

    Such a list has the columns path,label(,weight of the loss). In other files
    the inputs are all columns but the labels, as in `from_dataframe`.

    label: the name of the column of labels.
    view: by default `ResizedCropFlip(224)` of images, none of others.
    root: where relative paths start; by default the folder of the file.
    """
    file = str(file)
    with open_list(file, "expected a CSV file with a header") as lines:
        header = next(csv.reader(lines), [])
    if "path" in header:
        source = image_files.list_source(
            file, root and str(root), class_names, verify=True, cache=False
        )
        return dataclasses.replace(source, view=view or ResizedCropFlip(SIZE))
    with one_line_errors(Path(file), "save it as a CSV file with a header"):
        table = arrow_csv.read_csv(file)
    return from_dataframe(table, label, None, class_names, view)


def from_tfds(
    name: str,
    split: str = "train",
    data_dir: str | None = None,
    view: Identity | None = None,
    download: bool = True,
) -> Source:
    """Return a source of the images of a TFDS data set.

    split: one of TFDS's, such as "train" or "train[:90%]".
    view: by default `CropFlip()` of images of one size that fit in memory,
        else `ResizedCropFlip(224)`.
    download: download and prepare the data set if it is not there.
    """
    source = tfds_images(name, data_dir, split, split, download).train
    in_memory = isinstance(source.reader, ArrayReader)
    default = CropFlip() if in_memory else ResizedCropFlip(SIZE)
    return dataclasses.replace(source, view=view or default)
