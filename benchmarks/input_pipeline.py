"""Compare the speed of `InputPipeline` with that of bare tf.data pipelines.

    python benchmarks/input_pipeline.py --csv=input_pipeline.csv

Ours reads files as for WebVision or Clothing1M. The bare pipelines do the same
by hand, without reproducible random numbers: `whole` decodes each image and
crops it, `window` decodes only the crop. All run in one process, in turns;
medians over rounds, in images per second.
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
from fsr_gdw_tf.data.file_reader import FileReader
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.io.console import print_table
from fsr_gdw_tf.io.files import write_csv

COLUMNS = ["pipeline", "images_per_s", "ours_relative"]
FLAGS = flags.FLAGS
flags.DEFINE_integer("images", 384, "Number of JPEG files.", lower_bound=1)
flags.DEFINE_integer("height", 375, "Height of a file.", lower_bound=16)
flags.DEFINE_integer("width", 500, "Width of a file.", lower_bound=16)
flags.DEFINE_integer(
    "size", 224, "Width and height of the output.", lower_bound=1
)
flags.DEFINE_integer("batch", 32, "Images per batch.", lower_bound=1)
flags.DEFINE_integer("epochs", 3, "Epochs in each round.", lower_bound=1)
flags.DEFINE_integer("rounds", 5, "Rounds of all pipelines.", lower_bound=1)
flags.DEFINE_bool("cached", False, "Keep the files in memory.")
flags.DEFINE_string("csv", None, "CSV file to write.")


def write_images(folder: Path) -> list[str]:
    """Write smooth, slightly grainy images of about 70 KB; return the paths."""
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
    """Return the batches of `InputPipeline`."""
    labels = np.arange(len(paths)) % 2
    source = Source(FileReader(paths, FLAGS.cached), labels, ["a", "b"])
    pipeline = InputPipeline(FLAGS.batch, view=ResizedCropFlip(FLAGS.size))
    return pipeline.train(source, FLAGS.epochs)


def bare(paths: list[str], decode_crop) -> tf.data.Dataset:
    """Return the batches of a pipeline that is written by hand."""
    files = tf.data.Dataset.from_tensor_slices(paths)
    if FLAGS.cached:
        files = files.map(tf.io.read_file, tf.data.AUTOTUNE).cache()
    files = files.shuffle(len(paths)).repeat(FLAGS.epochs)

    def image(file):
        contents = file if FLAGS.cached else tf.io.read_file(file)
        small = tf.image.resize(decode_crop(contents), (FLAGS.size, FLAGS.size))
        return tf.image.random_flip_left_right(tf.cast(small, tf.uint8))

    images = files.map(image, tf.data.AUTOTUNE)
    images = images.batch(FLAGS.batch, drop_remainder=True)
    return images.prefetch(tf.data.AUTOTUNE)


def whole(contents: tf.Tensor) -> tf.Tensor:
    """Decode the whole image; return a random crop."""
    image = tf.io.decode_jpeg(contents, 3)
    return tf.slice(image, *random_crop(tf.shape(image)))


def window(contents: tf.Tensor) -> tf.Tensor:
    """Decode only a random crop."""
    begin, extent = random_crop(tf.io.extract_jpeg_shape(contents))
    crop = tf.concat([begin[:2], extent[:2]], 0)
    return tf.image.decode_and_crop_jpeg(contents, crop, 3)


def random_crop(shape: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Draw begin and size of a crop, distributed as in ResizedCropFlip."""
    return tf.image.sample_distorted_bounding_box(
        shape,
        tf.constant([[[0.0, 0.0, 1.0, 1.0]]]),
        min_object_covered=0.0,
        aspect_ratio_range=(3 / 4, 4 / 3),
        area_range=(0.08, 1.0),
        max_attempts=10,
    )[:2]


def speeds(pipelines: dict[str, tf.data.Dataset]) -> dict[str, float]:
    """Return the median images per second, without each first batch."""
    measured = {name: [] for name in pipelines}
    for turn in range(FLAGS.rounds + 1):
        for name, dataset in pipelines.items():
            pipeline = iter(dataset)
            next(pipeline)  # starts its threads
            start = time.perf_counter()
            count = sum(1 for _ in pipeline)
            seconds = time.perf_counter() - start
            if turn:  # the first one warms up
                measured[name].append(count * FLAGS.batch / seconds)
    return {name: float(np.median(s)) for name, s in measured.items()}


def check() -> None:
    """Raise for rounds that are too short."""
    if FLAGS.images * FLAGS.epochs < 2 * FLAGS.batch:
        raise InvalidInput(
            f"a round needs 2 batches or more, got {FLAGS.images} images x "
            f"{FLAGS.epochs} epochs for batches of {FLAGS.batch}; raise "
            "--images or --epochs"
        )


def table() -> list[dict]:
    """Return a row for each pipeline."""
    with tempfile.TemporaryDirectory() as folder:
        paths = write_images(Path(folder))
        pipelines = {
            "ours": ours(paths),
            "window": bare(paths, window),
            "whole": bare(paths, whole),
        }
        by_name = speeds(pipelines)
    rows = [
        (name, round(speed, 1), round(by_name["ours"] / speed, 3))
        for name, speed in by_name.items()
    ]
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def main(argv: list[str]) -> None:
    """Measure, print and write."""
    try:
        check()
        rows = table()
    except InvalidInput as error:
        exit_with_error(error)
    files = "in memory" if FLAGS.cached else "read each time"
    size = f"{FLAGS.width} x {FLAGS.height}"
    print_table(f"{FLAGS.images} files of {size}, {files}", rows)
    if FLAGS.csv:
        write_csv(Path(FLAGS.csv), rows, COLUMNS)


if __name__ == "__main__":
    app.run(main, flags_parser=parse_flags)
