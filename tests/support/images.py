"""Images as JPEG files and decoded, and what each view shows of them."""

import io

import numpy as np
from PIL import Image

from fsr_gdw_tf import InputPipeline
from fsr_gdw_tf.data import CropFlip, Identity, Resize, ResizedCropFlip

SHAPE = (45, 61)  # no multiple of the blocks of a JPEG


def picture(seed=0, mode="RGB"):
    """Return an image with coarse colours and fine grain, hard for JPEG."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (5, 7, 3)).astype(np.uint8)
    large = Image.fromarray(coarse).resize(SHAPE[::-1], Image.BICUBIC)
    noisy = np.asarray(large) + rng.normal(0, 8, (*SHAPE, 3))
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).convert(
        mode
    )


def encoded(image, kind="JPEG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def all_inputs(source, view, seed=4):
    """Yield the inputs of training, test and dictionary batches."""
    pipeline = InputPipeline(4, view=view, seed=seed)
    for dataset in (pipeline.train(source, epochs=2), pipeline.test(source)):
        for batch in dataset:
            yield batch["inputs"].numpy()
    for random in (True, False):
        yield pipeline.loader(source, random)([3, 11], epoch=1)


def assert_same_inputs(one, other, view):
    one, other = (list(all_inputs(source, view)) for source in (one, other))
    assert len(one) == 6 + 3 + 2
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


VIEWS = [ResizedCropFlip(16), Resize(16), CropFlip(4), Identity()]
