"""Copies of images are found, other images are not."""

import io
import itertools

import numpy as np
import pytest
from PIL import Image
from support.images import picture

from fsr_gdw_tf.data.duplicates import (
    HEIGHT,
    WIDTH,
    difference_hash,
    exact_groups,
    near_pairs,
    small_grey,
)


def small(image: Image.Image) -> np.ndarray:
    return small_grey(np.asarray(image))


def compressed(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file)


def test_a_bit_says_that_a_cell_is_brighter_than_the_next():
    """Cells of 2 x 2 pixels: a fall, seven times equal, then seven rises."""
    image = np.zeros((HEIGHT, WIDTH), np.uint8)
    image[:2, :2] = 200  # 200, 0, ..., 0: the first bit
    image[2:4] = np.repeat(np.arange(9), 2) * 10  # 0 to 80: no bit
    image[4:6] = np.repeat(np.arange(9)[::-1], 2) * 10  # 80 to 0: all 8 bits
    (code,) = difference_hash(image[None])
    assert int(code) == 0x80_00_FF_00_00_00_00_00


def test_copies_of_another_size_or_compression_look_the_same():
    image = picture(3).resize((300, 200))
    copies = [
        image,
        compressed(image, 40),
        image.resize((150, 100)),
        compressed(image.resize((600, 400)), 75),
    ]
    others = [picture(seed).resize((300, 200)) for seed in range(10, 60)]
    images = np.stack([small(i.convert("RGB")) for i in [*copies, *others]])
    expected = [list(pair) for pair in itertools.combinations(range(4), 2)]
    assert near_pairs(images).tolist() == expected


def test_images_of_one_colour_are_no_copies():
    shades = [small(Image.new("RGB", (20, 20), (s,) * 3)) for s in (0, 0, 90)]
    assert near_pairs(np.stack(shades)).tolist() == []
    assert near_pairs(np.empty((0, HEIGHT, WIDTH), np.uint8)).shape == (0, 2)


def test_the_same_drawing_in_another_grey_is_no_copy():
    """Their hashes are equal: only differences count there."""
    ramp = np.tile(np.arange(WIDTH, dtype=np.uint8)[::-1] * 5, (HEIGHT, 1))
    images = np.stack([ramp, ramp + 60])
    assert len(set(difference_hash(images).tolist())) == 1
    assert near_pairs(images).tolist() == []


def test_every_pair_within_three_bits_is_a_candidate():
    """Of four bands one is equal, whichever three bits differ."""
    rng = np.random.default_rng(0)
    base = rng.integers(60, 180, (HEIGHT, WIDTH)).astype(np.uint8)
    for _ in range(20):
        changed = base.copy()
        for row in rng.choice(HEIGHT, 3, replace=False):
            changed[row, rng.integers(WIDTH)] += 40
        pair = np.stack([base, changed])
        codes = [int(c) for c in difference_hash(pair)]
        near = (codes[0] ^ codes[1]).bit_count() <= 3
        assert len(near_pairs(pair)) == near


def test_files_of_the_same_bytes(tmp_path):
    contents = [b"one", b"two", b"one", b"longer", b"two", b"one"]
    paths = []
    for number, content in enumerate(contents):
        paths.append(str(tmp_path / str(number)))
        (tmp_path / str(number)).write_bytes(content)
    expected = [[0, 2, 5], [1, 4]]
    assert sorted(exact_groups(paths)) == expected
    assert sorted(exact_groups(paths, [len(c) for c in contents])) == expected
    missing = [*paths[:2], str(tmp_path / "none"), str(tmp_path / "none")]
    assert exact_groups(missing) == []


@pytest.mark.parametrize("channels", [1, 3])
def test_small_versions_have_one_size(channels):
    image = np.full((7, 30, channels), 9, np.uint8)
    version = small_grey(image)
    assert version.shape == (HEIGHT, WIDTH) and (version == 9).all()
