"""A small data set in the format of TFDS."""

import numpy as np
import tensorflow_datasets as tfds


def store_in_tfds(tmp_path, n=24, size=6, file_format="tfrecord"):
    """Prepare a TFDS data set; pixel value = 10 times the position."""
    features = tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(shape=(size, size, 3)),
            "label": tfds.features.ClassLabel(names=["a", "b", "c"]),
        }
    )
    examples = [
        (
            f"{i:04d}",
            {
                "image": np.full((size, size, 3), 10 * i, "uint8"),
                "label": i % 3,
            },
        )
        for i in range(n)
    ]
    tfds.dataset_builders.store_as_tfds_dataset(
        name="shades",
        version="1.0.0",
        features=features,
        split_datasets={"train": examples, "test": examples[:6]},
        data_dir=str(tmp_path),
        file_format=file_format,
        disable_shuffling=True,
    )
