"""Data sources, splits, label noise, augmentation and the input pipeline."""

from fsr_gdw_tf.data.augmentation import (
    CropFlip,
    Identity,
    Resize,
    ResizedCropFlip,
)
from fsr_gdw_tf.data.corruption import corrupt
from fsr_gdw_tf.data.datasets.clothing1m import clothing1m
from fsr_gdw_tf.data.datasets.digits import digits
from fsr_gdw_tf.data.datasets.image_files import file_list, folder
from fsr_gdw_tf.data.datasets.inaturalist import inaturalist_files
from fsr_gdw_tf.data.datasets.tfds import tfds_images
from fsr_gdw_tf.data.datasets.webvision import webvision
from fsr_gdw_tf.data.makers import (
    from_arrays,
    from_csv,
    from_dataframe,
    from_folder,
    from_tfds,
)
from fsr_gdw_tf.data.pipeline import InputPipeline
from fsr_gdw_tf.data.source import Source, arrays
from fsr_gdw_tf.data.splits import Splits, prepare
from fsr_gdw_tf.data.stage_splits import known_label_splits, listed_splits

__all__ = [
    "CropFlip",
    "Identity",
    "InputPipeline",
    "Resize",
    "ResizedCropFlip",
    "Source",
    "Splits",
    "arrays",
    "clothing1m",
    "corrupt",
    "digits",
    "file_list",
    "folder",
    "from_arrays",
    "from_csv",
    "from_dataframe",
    "from_folder",
    "from_tfds",
    "inaturalist_files",
    "known_label_splits",
    "listed_splits",
    "prepare",
    "tfds_images",
    "webvision",
]
