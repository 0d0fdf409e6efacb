"""Where examples come from and how they reach the network."""

from fsr_gdw_tf.data.augmentation import AsIs, CropFlip, Resize, ResizedCropFlip
from fsr_gdw_tf.data.clothing1m import clothing1m
from fsr_gdw_tf.data.corruption import corrupt
from fsr_gdw_tf.data.digits import digits
from fsr_gdw_tf.data.files import file_list, folder
from fsr_gdw_tf.data.inaturalist import inaturalist_files
from fsr_gdw_tf.data.pipeline import Batches
from fsr_gdw_tf.data.source import Source, arrays
from fsr_gdw_tf.data.splits import Splits, prepare
from fsr_gdw_tf.data.tfds_images import tfds_images
from fsr_gdw_tf.data.webvision import webvision

__all__ = [
    "AsIs",
    "Batches",
    "CropFlip",
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
    "inaturalist_files",
    "prepare",
    "tfds_images",
    "webvision",
]
