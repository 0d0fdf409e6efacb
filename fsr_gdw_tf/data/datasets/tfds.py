"""Any image classification data set of TensorFlow Datasets, by its name.

Small ones are decoded into memory once. Large ones are read at random, image
by image, from the ArrayRecord files that TFDS prepares for that purpose.
"""

from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import gin
import numpy as np
import tensorflow as tf

from fsr_gdw_tf.data.encoded import EncodedReader
from fsr_gdw_tf.data.source import ArrayReader, Source
from fsr_gdw_tf.data.splits import Splits
from fsr_gdw_tf.distribution.hosts import print_on_chief
from fsr_gdw_tf.errors import InvalidInput, suggest_names

MANY = 100_000  # examples take minutes to read


@gin.register
def tfds_images(
    name: str,
    data_dir: str | None = None,
    train_split: str = "train",
    test_split: str = "test",
    download: bool = True,
    memory_gib: float = 4.0,
) -> Splits:
    """The train and test split of a TFDS data set.

    A data set whose decoded images take more than `memory_gib`, or differ in
    size, is left on disk and read by index.
    """
    builder = _builder(name, data_dir, download, memory_gib)
    for split in (train_split, test_split):
        for part in split.split("+"):
            base = part.split("[")[0].strip()
            if base not in builder.info.splits:
                raise InvalidInput(
                    f"data set {name!r} has no split {base!r}: "
                    f"{suggest_names(base, builder.info.splits)}"
                )
    read = _in_memory if _fits(builder, memory_gib) else _on_disk
    return Splits(read(builder, train_split), read(builder, test_split))


def _builder(name, data_dir, download, memory_gib):
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except tfds.core.registered.DatasetNotFoundError:
        known = suggest_names(name, tfds.list_builders())
        known = (
            known if known.startswith("did you") else "see tfds.list_builders()"
        )
        raise InvalidInput(f"TFDS has no data set {name!r}: {known}") from None
    _check_features(name, builder.info.features)
    where = f"{data_dir or '~/tensorflow_datasets'}/{name}"
    if not builder.data_path.exists():
        if not download:
            raise InvalidInput(
                f"data set {name!r} is not prepared under {where}; set "
                "download=True, or point data_dir at the folder that holds "
                f"{name}/<version>/"
            )
        if not _fits(builder, memory_gib):
            builder = tfds.builder(
                name, data_dir=data_dir, file_format="array_record"
            )
        try:
            builder.download_and_prepare()
        except Exception as error:
            reason = str(error).splitlines()[0] if str(error) else repr(error)
            raise InvalidInput(
                f"data set {name!r} could not be prepared under {where}: "
                f"{reason}; point data_dir at the folder that holds "
                f"{name}/<version>/"
            ) from error
    return builder


def _check_features(name, features) -> None:
    missing = {"image", "label"} - set(features)
    if missing or features["label"].num_classes is None:
        raise InvalidInput(
            f"data set {name!r} is no image classification data set: it has "
            f"the features {sorted(features)}, needed are 'image' and 'label' "
            "with a known number of classes"
        )


def _fits(builder, memory_gib: float) -> bool:
    shape = builder.info.features["image"].shape
    if None in shape:
        return False
    splits = builder.info.splits or {}
    examples = sum(s.num_examples for s in splits.values())
    return examples * np.prod(shape) <= memory_gib * 2**30


def _in_memory(builder, split: str) -> Source:
    features = builder.info.features
    keys = {"image", "label", "coarse_label"} & set(features)
    dataset = builder.as_dataset(split=split, shuffle_files=False).map(
        lambda e: {k: e[k] for k in keys}, tf.data.AUTOTUNE
    )
    parts = [
        {k: v.numpy() for k, v in batch.items()} for batch in dataset.batch(512)
    ]
    columns = {k: np.concatenate([p[k] for p in parts]) for k in keys}
    return Source(
        ArrayReader(columns["image"]),
        columns["label"],
        features["label"].names,
        superclasses=_superclasses(columns, features),
    )


def _superclasses(columns, features) -> list[int] | None:
    if "coarse_label" not in columns:
        return None
    first = [
        np.flatnonzero(columns["label"] == c)[:1]
        for c in range(features["label"].num_classes)
    ]
    if not all(len(f) for f in first):
        return None
    return [int(columns["coarse_label"][f[0]]) for f in first]


class RandomAccessReader(EncodedReader):
    """Images of a TFDS data source that does not decode them."""

    def __init__(self, data_source, channels: int, split: str):
        self.data_source, self.channels = data_source, channels
        self.split = split

    def contents(self, row: tf.Tensor) -> tf.Tensor:
        """The encoded image at a row."""
        contents = tf.numpy_function(
            lambda r: self.data_source[int(r)]["image"], [row], tf.string
        )
        contents.set_shape([])
        return contents

    def name(self, row: int) -> str:
        """What a person calls this row."""
        return f"{self.split} {row}"


def _on_disk(builder, split: str) -> Source:
    import tensorflow_datasets as tfds

    image, names = (builder.info.features[k] for k in ("image", "label"))
    if image.np_dtype != np.uint8:
        raise InvalidInput(
            f"images of data set {builder.name!r} are {image.np_dtype}; only "
            "those of bytes are read at random: raise memory_gib"
        )
    try:
        data = builder.as_data_source(
            split=split, decoders={"image": tfds.decode.SkipDecoding()}
        )
    except NotImplementedError as error:
        raise InvalidInput(
            f"data set {builder.name!r} is too large for memory and its files "
            "cannot be read at random; prepare it with tfds.builder("
            f"{builder.name!r}, file_format='array_record')"
            ".download_and_prepare(), or raise memory_gib"
        ) from error
    reader = RandomAccessReader(data, image.shape[-1], split)
    return Source(reader, _labels(data, builder.data_path, split), names.names)


def _labels(data, folder, split: str) -> np.ndarray:
    """All labels; read with the images once, then kept beside the data."""
    file = Path(folder) / f"labels.{quote(split, safe='')}.npy"
    try:
        labels = np.load(file)
        prepared = (Path(folder) / "dataset_info.json").stat().st_mtime
        if labels.shape == (len(data),) and file.stat().st_mtime > prepared:
            return labels
    except (OSError, ValueError, EOFError):
        pass  # there is none, or it is not whole
    if len(data) > MANY:
        print_on_chief(
            f"reading the {len(data):,} labels of {split!r} for {file}"
        )
    labels = np.array([example["label"] for example in data], np.int64)
    _keep(file, labels)
    return labels


def _keep(file: Path, labels: np.ndarray) -> None:
    """Write a file as a whole, or not at all where nothing can be written."""
    half = file.with_name(f".{file.name}.{uuid4().hex}")
    try:
        with half.open("wb") as opened:
            np.save(opened, labels)
        half.replace(file)
    except OSError:
        half.unlink(missing_ok=True)
