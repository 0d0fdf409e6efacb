"""Prepared TFDS data sets of random images, by the names of real ones."""

from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds


def fake_cifar(folder: Path, classes: int, n: int) -> None:
    """Prepare a TFDS data set that goes by the name of a real one."""
    name = f"cifar{classes}"
    extra = {"id": tfds.features.Text()}
    if classes == 100:
        extra["coarse_label"] = tfds.features.ClassLabel(num_classes=20)
    fake_tfds(folder, name, "3.0.2", "test", classes, n, extra)


def fake_tfds(folder, name, version, held, classes, n, extra):
    """Random images with the features of a real data set."""
    rng = np.random.default_rng(0)
    shape = (32, 32, 3) if name.startswith("cifar") else (None, None, 3)
    features = tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(shape=shape),
            "label": tfds.features.ClassLabel(num_classes=classes),
            **extra,
        }
    )

    def example(i):
        size = shape[:2] if shape[0] else (8 + i % 3, 8)
        image = rng.integers(0, 256, (*size, 3)).astype("uint8")
        more = {"id": f"{i:05d}", "coarse_label": i % 20, "supercategory": 0}
        more = {key: more[key] for key in extra}
        return f"{i:05d}", {"image": image, "label": i % classes, **more}

    examples = [example(i) for i in range(n)]
    tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        version=version,
        features=features,
        split_datasets={"train": examples, held: examples[:8]},
        data_dir=str(folder),
        file_format=None if shape[0] else "array_record",
    )
