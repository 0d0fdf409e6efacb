"""Images a second that `InputPipeline` delivers, beside a bare tf.data loop.

    python benchmarks/input_pipeline.py --csv=input_pipeline.csv

Ours reads files as WebVision or Clothing1M are read. The bare loops do the
same by hand and nothing else, without repeatable random numbers: `whole`
decodes each image and crops it, `window` decodes only what it crops. All run
in one process, one after another in each round; medians over rounds.
"""

import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from absl import app, flags

from fsr_gdw_tf.command_line import exit_with_error, parse_flags
from fsr_gdw_tf.data import InputPipeline, ResizedCropFlip, Source
from fsr_gdw_tf.data.datasets.image_files import FileReader
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.io.console import print_table
from fsr_gdw_tf.io.files import write_csv

COLUMNS = ["pipeline", "images_per_s", "ours_relative"]
FLAGS = flags.FLAGS
flags.DEFINE_integer("images", 384, "JPEG files to write.", lower_bound=1)
flags.DEFINE_integer("height", 375, "Of a file.", lower_bound=16)
flags.DEFINE_integer("width", 500, "Of a file.", lower_bound=16)
flags.DEFINE_integer("size", 224, "Of what comes out.", lower_bound=1)
flags.DEFINE_integer("batch", 32, "Images per batch.", lower_bound=1)
flags.DEFINE_integer("epochs", 3, "In each round.", lower_bound=1)
flags.DEFINE_integer("rounds", 5, "Of all pipelines.", lower_bound=1)
flags.DEFINE_bool("cached", False, "Keep the files in memory, in all of them.")
flags.DEFINE_string("csv", None, "Where to write the table.")


def write_images(folder: Path) -> list[str]:
    """Files like photographs: smooth, a little grainy, about 70 KB each."""
    rng = np.random.default_rng(0)
    height, width = FLAGS.height, FLAGS.width
    paths = []
    for number in range(FLAGS.images):
        coarse = rng.uniform(0, 255, (height // 16, width // 16, 3))
        image = tf.image.resize(coarse, (height, width), "bicubic")
        image += rng.normal(0, 6, (height, width, 1))
        image = tf.cast(tf.clip_by_value(image, 0, 255), tf.uint8)
        paths.append(str(folder / f"{number}.jpg"))
        tf.io.write_file(paths[-1], tf.io.encode_jpeg(image, quality=90))
    return paths


def ours(paths: list[str]) -> tf.data.Dataset:
    """What training reads."""
    labels = np.arange(len(paths)) % 2
    source = Source(FileReader(paths, FLAGS.cached), labels, ["a", "b"])
    pipeline = InputPipeline(FLAGS.batch, view=ResizedCropFlip(FLAGS.size))
    return pipeline.train(source, FLAGS.epochs)


def bare(paths: list[str], see) -> tf.data.Dataset:
    """Files, read, seen, batched: what one would write by hand."""
    files = tf.data.Dataset.from_tensor_slices(paths)
    if FLAGS.cached:
        files = files.map(tf.io.read_file, tf.data.AUTOTUNE).cache()
    files = files.shuffle(len(paths)).repeat(FLAGS.epochs)

    def image(file):
        contents = file if FLAGS.cached else tf.io.read_file(file)
        small = tf.image.resize(see(contents), (FLAGS.size, FLAGS.size))
        return tf.image.random_flip_left_right(tf.cast(small, tf.uint8))

    images = files.map(image, tf.data.AUTOTUNE)
    images = images.batch(FLAGS.batch, drop_remainder=True)
    return images.prefetch(tf.data.AUTOTUNE)


def whole(contents: tf.Tensor) -> tf.Tensor:
    """A random part of a decoded image."""
    image = tf.io.decode_jpeg(contents, 3)
    return tf.slice(image, *random_part(tf.shape(image)))


def window(contents: tf.Tensor) -> tf.Tensor:
    """The same, of which nothing else was decoded."""
    begin, extent = random_part(tf.io.extract_jpeg_shape(contents))
    place = tf.concat([begin[:2], extent[:2]], 0)
    return tf.image.decode_and_crop_jpeg(contents, place, 3)


def random_part(shape: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Where it begins and how far it goes, by the law of ResizedCropFlip."""
    return tf.image.sample_distorted_bounding_box(
        shape,
        tf.constant([[[0.0, 0.0, 1.0, 1.0]]]),
        min_object_covered=0.0,
        aspect_ratio_range=(3 / 4, 4 / 3),
        area_range=(0.08, 1.0),
        max_attempts=10,
    )[:2]


def speeds(pipelines: dict[str, tf.data.Dataset]) -> dict[str, float]:
    """Median images per second, after a first batch that starts threads."""
    found = {name: [] for name in pipelines}
    for turn in range(FLAGS.rounds + 1):
        for name, dataset in pipelines.items():
            pipeline = iter(dataset)
            next(pipeline)
            start = time.perf_counter()
            count = sum(1 for _ in pipeline)
            seconds = time.perf_counter() - start
            if turn:  # the first one warms up
                found[name].append(count * FLAGS.batch / seconds)
    return {name: float(np.median(s)) for name, s in found.items()}


def main(argv: list[str]) -> None:
    """Write images, measure, print, write."""
    try:
        if FLAGS.images * FLAGS.epochs < 2 * FLAGS.batch:
            raise InvalidInput(
                "a round needs 2 batches or more, got "
                f"{FLAGS.images} images x {FLAGS.epochs} epochs for batches "
                f"of {FLAGS.batch}; raise --images or --epochs"
            )
        with tempfile.TemporaryDirectory() as folder:
            paths = write_images(Path(folder))
            pipelines = {
                "ours": ours(paths),
                "window": bare(paths, window),
                "whole": bare(paths, whole),
            }
            found = speeds(pipelines)
    except InvalidInput as error:
        exit_with_error(error)
    rows = [
        dict(
            zip(
                COLUMNS,
                (name, round(speed, 1), round(found["ours"] / speed, 3)),
                strict=True,
            )
        )
        for name, speed in found.items()
    ]
    kept = "in memory" if FLAGS.cached else "read each time"
    print_table(
        f"{FLAGS.images} of {FLAGS.width} x {FLAGS.height}, {kept}", rows
    )
    if FLAGS.csv:
        write_csv(Path(FLAGS.csv), rows, COLUMNS)


if __name__ == "__main__":
    app.run(main, flags_parser=parse_flags)
