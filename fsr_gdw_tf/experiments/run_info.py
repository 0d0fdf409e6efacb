"""Write what a run was trained on: data, devices, versions, command."""

import hashlib
import platform
from collections.abc import Sequence
from pathlib import Path

import gin
import keras
import numpy as np
import tensorflow as tf

import fsr_gdw_tf
from fsr_gdw_tf.command_line import printable
from fsr_gdw_tf.data import Source, Splits
from fsr_gdw_tf.data.corruption import realised_matrix, realised_rate
from fsr_gdw_tf.data.datasets.image_files import NO_CLASS, NO_IMAGE
from fsr_gdw_tf.distribution.devices import Devices
from fsr_gdw_tf.distribution.hosts import host, print_on_chief
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.experiments.copies import (
    FILE_NAME,
    examples_of,
    find_copies,
    messages,
)
from fsr_gdw_tf.io.files import (
    one_line_errors,
    read_json,
    write_csv,
    write_json,
)
from fsr_gdw_tf.io.run_folder import RunFolder


def device_info(devices: Devices, replicas: int) -> dict:
    """Return the devices, hosts and precision of a run."""
    return {
        "strategy": devices.strategy,
        "replicas": replicas,
        "hosts": host().count or 1,
        "precision": devices.precision,
        "devices": [d.name for d in tf.config.list_logical_devices()],
    }


def write_run_info(
    folder: RunFolder,
    splits: Splits,
    seed: int,
    command: Sequence[str],
    device_info: dict,
) -> None:
    """Write run.json and the CSV files of what is wrong with the data."""
    data = {
        "name": data_name(),
        "train": len(splits.train),
        "test": len(splits.test),
        "meta": len(splits.meta) if splits.meta else 0,
        "class_counts": splits.train.counts().tolist(),
        "fingerprint": fingerprint(splits),
        "realised_noise": realised_rate(splits.train),
        "undecodable": write_undecodable(folder, splits),
        "cleaned": cleaned_list(),
        "duplicates": write_duplicates(folder, splits),
    }
    check_same_data(folder, data["fingerprint"])
    info = {
        "command": list(command),
        "seed": seed,
        "versions": versions(),
        **device_info,
        "data": data,
    }
    write_json(folder / "run.json", info)
    if splits.train.true_labels is not None:
        write_corruption_matrix(folder, splits.train)


def data_name() -> str:
    """Return the name, file or folder of the configured data."""
    for parameter in ("tfds_images.name", "%TRAIN_LIST", "%DATA_DIR"):
        try:
            return str(gin.query_parameter(parameter))
        except ValueError:
            continue  # not bound: other data have other settings
    try:
        return gin.query_parameter("prepare.load").selector.split(".")[-1]
    except (ValueError, AttributeError):
        return "?"


def cleaned_list() -> str | None:
    """Return the path of the cleaned list that is trained on, if any."""
    try:
        name = gin.query_parameter("%CLEANED")
    except ValueError:
        return None  # not bound
    return str(Path(name).absolute()) if name else None


def versions() -> dict[str, str]:
    """Return the versions of everything that can change results."""
    modules = (fsr_gdw_tf, tf, keras, np)
    return {
        "python": platform.python_version(),
        **{module.__name__: module.__version__ for module in modules},
    }


def fingerprint(splits: Splits) -> str:
    """Return a hash of all labels, weights and eight inputs of each split."""
    digest = hashlib.sha256()
    for source in splits.sources:
        digest.update(source.labels.tobytes())
        if source.weights is not None:
            digest.update(source.weights.tobytes())
        eight = np.linspace(0, len(source) - 1, 8).astype(int)
        for x in source.load_each(eight):
            digest.update(x.tobytes())
    return digest.hexdigest()


def check_same_data(folder: RunFolder, data: str) -> None:
    """Raise if a run would resume on other data than it was started on."""
    info = folder / "run.json"
    if not (info.is_file() and (folder / "checkpoints").is_dir()):
        return
    with one_line_errors(info):
        before = read_json(info)["data"]["fingerprint"]
    if before != data:
        raise InvalidInput(
            f"the data have changed since {folder.path} was started; choose "
            "another --run_dir, or restore the old data"
        )


def write_undecodable(folder: RunFolder, splits: Splits) -> int:
    """Write undecodable.csv of the files left out; return how many."""
    # Without repetitions: the splits of one image folder share its list.
    images = dict.fromkeys(
        image for source in splits.sources for image in source.unreadable
    )
    if images:
        file = folder / "undecodable.csv"
        rows = [{"path": path, "reason": reason} for path, reason in images]
        write_csv(file, rows)
        no_images = sum(r in (NO_IMAGE, NO_CLASS) for _, r in images)
        print_on_chief(_left_out(len(images) - no_images, no_images, file))
    return len(images)


def write_duplicates(folder: RunFolder, splits: Splits) -> int:
    """Write duplicates.csv of images that are there twice; return how many.

    Only of files that were decoded before training.
    """
    if getattr(splits.train.reader, "facts", None) is None:
        return 0
    copies = find_copies(examples_of(splits))
    rows = copies.rows()
    if rows:
        write_csv(folder / FILE_NAME, rows)
        for line in messages(copies):
            print_on_chief(printable(f"{line}; see {folder / FILE_NAME}"))
    return len(rows)


def _left_out(broken: int, no_images: int, file: Path) -> str:
    """Return how many files are not used, and where they are listed."""
    parts = []
    if broken:
        parts.append(f"{broken:,} image(s) cannot be decoded and are skipped")
    if no_images:
        parts.append(f"{no_images:,} other file(s) are no images of a class")
    return f"{'; '.join(parts)}; see {file}"


def write_corruption_matrix(folder: RunFolder, train: Source) -> None:
    """Write corruption_matrix.csv: counts of true (rows) by given labels."""
    names = [str(name) for name in train.class_names]
    counts = realised_matrix(train).tolist()
    rows = [
        {"true": name, **dict(zip(names, row, strict=True))}
        for name, row in zip(names, counts, strict=True)
    ]
    write_csv(folder / "corruption_matrix.csv", rows)
