"""Image classification data sets of TensorFlow Datasets, by name.

Small data sets are decoded into memory. Large ones are read image by image, by
random access to ArrayRecord files.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import gin
import numpy as np
import tensorflow as tf

from fsr_gdw_tf.data.encoded import EncodedReader
from fsr_gdw_tf.data.label_checks import require_class_count
from fsr_gdw_tf.data.source import ArrayReader, Source
from fsr_gdw_tf.data.splits import Splits
from fsr_gdw_tf.distribution.hosts import print_on_chief
from fsr_gdw_tf.errors import InvalidInput, first_line, suggest_names
from fsr_gdw_tf.io.files import one_line_errors

# Where a features.json says which class a feature is an instance of.
CLASS_KEYS = {"pythonClassName", "python_class_name", "type"}
SLOW_TO_READ = 100_000  # examples; reading more takes minutes


@gin.register
def tfds_images(
    name: str,
    data_dir: str | None = None,
    train_split: str = "train",
    test_split: str = "test",
    download: bool = True,
    memory_gib: float = 4.0,
) -> Splits:
    """Return the train and test split of a TFDS data set.

    train_split, test_split: TFDS's split names, such as "train[:90%]".
    download: download and prepare the data set if it is not there.
    memory_gib: data sets that take more than this when decoded, or whose
        images differ in size, are read from disk.
    """
    builder = _builder(name, data_dir)
    if not builder.data_path.exists():
        if not _fits_in_memory(builder, memory_gib):
            # Unlike TFRecord, ArrayRecord files can be read at random.
            builder = _builder(name, data_dir, file_format="array_record")
        _prepare(builder, name, data_dir, download)
    splits = builder.info.splits
    _check_splits(name, splits, (train_split, test_split))
    classes = builder.info.features["label"].num_classes
    examples = sum(split.num_examples for split in splits.values())
    require_class_count(classes, examples, f"the data set {name!r}")
    fits = _fits_in_memory(builder, memory_gib)
    load = _load_in_memory if fits else _open_on_disk
    train = load(builder, train_split)
    same = test_split == train_split
    return Splits(train, train if same else load(builder, test_split))


def _builder(name: str, data_dir: str | None, **options):
    """Return TFDS's builder of an image classification data set."""
    import tensorflow_datasets as tfds

    _require_no_code(name, data_dir)
    try:
        builder = tfds.builder(name, data_dir=data_dir, **options)
    except tfds.core.registered.DatasetNotFoundError:
        hint = suggest_names(name, tfds.list_builders())
        if not hint.startswith("did you"):  # it lists hundreds of names
            hint = "see tfds.list_builders()"
        raise InvalidInput(f"TFDS has no data set {name!r}: {hint}") from None
    except Exception as error:
        reason = first_line(error)
        raise InvalidInput(
            f"TFDS cannot read the data set {name!r} in "
            f"{data_dir or 'its default folder'}: {reason}; prepare it again"
        ) from error
    _check_features(name, builder.info.features)
    return builder


def _require_no_code(name: str, data_dir: str | None) -> None:
    """Raise if TFDS would run code for these data that is not its own.

    It downloads the code of communities' data sets, and imports the modules
    that the files of prepared data name.
    """
    from tensorflow_datasets.core import naming

    try:
        dataset, _ = naming.parse_builder_name_kwargs(name)
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"{name!r} is no name of a TFDS data set; expected one such as "
            "'cifar10'"
        ) from error
    if dataset.namespace:
        raise InvalidInput(
            f"the data set {name!r} comes with code of {dataset.namespace!r}, "
            "which is not run; expected a data set of TFDS itself"
        )
    folder = Path(data_dir or ".", dataset.name)
    layouts = ("*/features.json", "*/*/features.json") if data_dir else ()
    for file in (file for layout in layouts for file in folder.glob(layout)):
        with one_line_errors(file, "prepare the data set again"):
            for feature in _feature_classes(
                json.loads(file.read_text("utf-8"))
            ):
                if not feature.startswith("tensorflow_datasets."):
                    raise ValueError(f"it names the code {feature}")


def _feature_classes(content: object) -> Iterator[str]:
    """Yield the dotted names of classes in a features.json."""
    if isinstance(content, str) and content.lstrip().startswith("{"):
        content = json.loads(content)  # features of some classes nest JSON
    if isinstance(content, dict):
        for key in CLASS_KEYS & set(content):
            if "." in str(content[key]):
                yield str(content[key])
        content = list(content.values())
    for part in content if isinstance(content, list) else ():
        yield from _feature_classes(part)


def _prepare(builder, name: str, data_dir: str | None, download: bool) -> None:
    """Download the data set and convert it to TFDS's files."""
    folder = f"{data_dir or '~/tensorflow_datasets'}/{name}"
    if not download:
        raise InvalidInput(
            f"data set {name!r} is not prepared under {folder}; set "
            "download=True, or point data_dir at the folder that holds "
            f"{name}/<version>/"
        )
    try:
        builder.download_and_prepare()
    except Exception as error:
        reason = first_line(error)
        raise InvalidInput(
            f"data set {name!r} could not be prepared under {folder}: "
            f"{reason}; point data_dir at the folder that holds "
            f"{name}/<version>/"
        ) from error


def _check_splits(
    name: str, available: Collection[str], splits: Iterable[str]
) -> None:
    """Raise if a split, such as "train[:90%]+test", does not exist."""
    for split in splits:
        for part in split.split("+"):
            base = part.split("[")[0].strip()
            if base not in available:
                raise InvalidInput(
                    f"data set {name!r} has no split {base!r}: "
                    f"{suggest_names(base, available)}"
                )


def _check_features(name: str, features: Mapping) -> None:
    missing = {"image", "label"} - set(features)
    if missing or features["label"].num_classes is None:
        raise InvalidInput(
            f"data set {name!r} is not for image classification: expected the "
            "features 'image' and 'label', the latter with a known number of "
            f"classes, got {sorted(features)}"
        )


def _fits_in_memory(builder, memory_gib: float) -> bool:
    """Return whether the decoded images have one size and fit in memory."""
    shape = builder.info.features["image"].shape
    if None in shape:
        return False
    splits = builder.info.splits or {}
    examples = sum(s.num_examples for s in splits.values())
    return examples * np.prod(shape) <= memory_gib * 2**30


def _load_in_memory(builder, split: str) -> Source:
    """Return a source of the decoded images."""
    features = builder.info.features
    keys = {"image", "label", "coarse_label"} & set(features)
    dataset = builder.as_dataset(split=split, shuffle_files=False).map(
        lambda e: {k: e[k] for k in keys}, tf.data.AUTOTUNE
    )
    batches = [
        {k: v.numpy() for k, v in batch.items()} for batch in dataset.batch(512)
    ]
    columns = {k: np.concatenate([b[k] for b in batches]) for k in keys}
    return Source(
        ArrayReader(columns["image"]),
        columns["label"],
        features["label"].names,
        superclasses=_superclasses(columns, features),
    )


def _superclasses(
    columns: dict[str, np.ndarray], features: Mapping
) -> list[int] | None:
    """Return the superclass of each class, from an example of each."""
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
    """A reader of encoded images of a TFDS random-access data source."""

    def __init__(self, data_source: Sequence, channels: int, split: str):
        self.data_source, self.channels = data_source, channels
        self.split = split

    def contents(self, row: tf.Tensor) -> tf.Tensor:
        """Return the encoded image at a row."""
        contents = tf.numpy_function(
            lambda r: self.data_source[int(r)]["image"], [row], tf.string
        )
        contents.set_shape([])
        return contents

    def name(self, row: int) -> str:
        """Return the name of a row: its split and number."""
        return f"{self.split} {row}"


def _open_on_disk(builder, split: str) -> Source:
    """Return a source that reads and decodes images on demand."""
    import tensorflow_datasets as tfds

    image, names = (builder.info.features[k] for k in ("image", "label"))
    if image.np_dtype != np.uint8:
        raise InvalidInput(
            f"images of data set {builder.name!r} are {image.np_dtype}, only "
            "uint8 images can be read from disk; raise memory_gib"
        )
    try:
        data = builder.as_data_source(
            split=split, decoders={"image": tfds.decode.SkipDecoding()}
        )
    except NotImplementedError as error:
        raise InvalidInput(
            f"data set {builder.name!r} exceeds memory_gib and its files do "
            "not allow random access; prepare it with tfds.builder("
            f"{builder.name!r}, file_format='array_record')"
            ".download_and_prepare(), or raise memory_gib"
        ) from error
    reader = RandomAccessReader(data, image.shape[-1], split)
    labels = _read_labels(data, builder.data_path, split)
    return Source(reader, labels, names.names)


def _read_labels(data: Sequence, folder: str | Path, split: str) -> np.ndarray:
    """Return all labels, cached in a file beside the data set.

    Labels are stored with the images: reading them means reading everything.
    """
    file = Path(folder) / f"labels.{quote(split, safe='')}.npy"
    try:
        labels = np.load(file, allow_pickle=False)
        prepared = (Path(folder) / "dataset_info.json").stat().st_mtime
        if labels.shape == (len(data),) and file.stat().st_mtime > prepared:
            return labels
    except (OSError, ValueError, EOFError):
        pass  # no cache file, or a broken one
    if len(data) > SLOW_TO_READ:
        print_on_chief(
            f"reading the {len(data):,} labels of split {split!r}, to be "
            f"saved in {file}"
        )
    labels = np.array([example["label"] for example in data], np.int64)
    _try_to_save(file, labels)
    return labels


def _try_to_save(file: Path, labels: np.ndarray) -> None:
    """Write a file atomically; do nothing if its folder is read-only."""
    # A name of its own: several hosts may write at the same time.
    temporary = file.with_name(f".{file.name}.{uuid4().hex}")
    try:
        with temporary.open("wb") as stream:
            np.save(stream, labels)
        temporary.replace(file)
    except OSError:
        temporary.unlink(missing_ok=True)
