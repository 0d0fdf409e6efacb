"""What a run folder says about where its numbers come from."""

import hashlib
import json
import platform
from collections.abc import Sequence

import gin
import keras
import numpy as np
import tensorflow as tf

import fsr_gdw_tf
from fsr_gdw_tf.data import Splits
from fsr_gdw_tf.data.corruption import realised_matrix, realised_rate
from fsr_gdw_tf.distribution.devices import Devices
from fsr_gdw_tf.distribution.hosts import host, print_on_chief
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.io.files import write_csv, write_json
from fsr_gdw_tf.io.run_folder import RunFolder


def machines(devices: Devices, replicas: int) -> dict:
    """What a run trains on."""
    return {
        "strategy": devices.strategy,
        "replicas": replicas,
        "hosts": host().count or 1,
        "precision": devices.precision,
        "devices": [d.name for d in tf.config.list_logical_devices()],
    }


def describe(
    folder: RunFolder,
    splits: Splits,
    seed: int,
    command: Sequence[str],
    machines: dict,
) -> None:
    """run.json and the lists beside it: what the configuration cannot say."""
    data = {
        "name": data_name(),
        "train": len(splits.train),
        "test": len(splits.test),
        "meta": len(splits.meta) if splits.meta else 0,
        "class_counts": splits.train.counts().tolist(),
        "fingerprint": fingerprint(splits),
        "realised_noise": realised_rate(splits.train),
        "undecodable": list_undecodable(folder, splits),
    }
    check_same_data(folder, data["fingerprint"])
    about = {
        "command": list(command),
        "seed": seed,
        "versions": versions(),
        **machines,
        "data": data,
    }
    write_json(folder / "run.json", about)
    if splits.train.true_labels is not None:
        list_corruption(folder, splits.train)


def data_name() -> str:
    """What the configuration trains on, as a person would say it."""
    for parameter in ("tfds_images.name", "%TRAIN_LIST", "%DATA_DIR"):
        try:
            return str(gin.query_parameter(parameter))
        except ValueError:
            continue  # other data have other settings
    try:
        return gin.query_parameter("prepare.load").selector.split(".")[-1]
    except (ValueError, AttributeError):
        return "?"


def versions() -> dict[str, str]:
    """Of everything that can change a number."""
    modules = (fsr_gdw_tf, tf, keras, np)
    return {
        "python": platform.python_version(),
        **{module.__name__: module.__version__ for module in modules},
    }


def fingerprint(splits: Splits) -> str:
    """A hash of all labels and of some inputs: the same data, or not."""
    digest = hashlib.sha256()
    for source in splits.sources:
        digest.update(source.labels.tobytes())
        if source.weights is not None:
            digest.update(source.weights.tobytes())
        for index in np.linspace(0, len(source) - 1, 8).astype(int):
            digest.update(source.load([index]).tobytes())
    return digest.hexdigest()


def check_same_data(folder: RunFolder, data: str) -> None:
    """A run that was started on other data cannot go on."""
    known = folder / "run.json"
    if not (known.is_file() and (folder / "checkpoints").is_dir()):
        return
    if json.loads(known.read_text())["data"]["fingerprint"] != data:
        raise InvalidInput(
            f"the data have changed since {folder.path} was started; choose "
            "another --run_dir, or bring the old data back"
        )


def list_undecodable(folder: RunFolder, splits: Splits) -> int:
    """undecodable.csv, if there is anything to list; how many there are."""
    # The splits of one folder share its list.
    sources = splits.sources
    lost = dict.fromkeys(lost for s in sources for lost in s.unreadable)
    if lost:
        file = folder / "undecodable.csv"
        rows = [{"path": path, "reason": reason} for path, reason in lost]
        write_csv(file, rows)
        print_on_chief(
            f"{len(lost)} image(s) cannot be decoded and are left out; see "
            f"{file}"
        )
    return len(lost)


def list_corruption(folder: RunFolder, train) -> None:
    """corruption_matrix.csv: how many of each true class got which label."""
    names = [str(name) for name in train.class_names]
    counts = realised_matrix(train).tolist()
    rows = [
        {"true": name, **dict(zip(names, row, strict=True))}
        for name, row in zip(names, counts, strict=True)
    ]
    write_csv(folder / "corruption_matrix.csv", rows)
