"""What decoding each file tells: broken ones with plain reasons, sizes."""

import os
import re

import numpy as np
import pytest
from support.images import encoded, picture

from fsr_gdw_tf.data.file_reader import FileReader
from fsr_gdw_tf.data.image_check import check_images

whole = encoded(picture())
BROKEN = {
    "empty": (b"", "the file is empty"),
    "half of a JPEG": (whole[: len(whole) // 2], "damaged or incomplete"),
    "half of a PNG": (encoded(picture(), "PNG")[:800], "damaged or incompl"),
    "half of a WebP": (encoded(picture(), "WEBP")[:300], "damaged or incom"),
    "text": (b"this is no image", "expected an image .* got another format"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_has_a_plain_reason(name, tmp_path):
    contents, reason = BROKEN[name]
    (tmp_path / "a.jpg").write_bytes(contents)
    (facts,) = check_images(FileReader([tmp_path / "a.jpg"]))
    assert re.search(reason, facts.error)
    assert "{{" not in facts.error and "\n" not in facts.error


def test_a_file_that_is_gone_or_forbidden(tmp_path):
    (tmp_path / "a.jpg").write_bytes(whole)
    paths = [tmp_path / "a.jpg", tmp_path / "b.jpg"]
    if os.getuid():  # the superuser may read all
        (tmp_path / "c.jpg").write_bytes(whole)
        (tmp_path / "c.jpg").chmod(0)
        paths.append(tmp_path / "c.jpg")
    errors = [facts.error for facts in check_images(FileReader(paths))]
    assert errors[0] is None and all("cannot be read" in e for e in errors[1:])


def test_sizes_colour_and_look(tmp_path):
    for name, mode in (("a.jpg", "RGB"), ("b.jpg", "L")):
        picture(mode=mode).save(tmp_path / name)
    reader = FileReader([tmp_path / "a.jpg", tmp_path / "b.jpg"])
    colour, grey = check_images(reader)
    assert (colour.height, colour.width) == (45, 61)
    assert colour.bytes == os.path.getsize(tmp_path / "a.jpg")
    assert (colour.is_grey, grey.is_grey) == (False, True)
    assert np.abs(colour.small.astype(int) - grey.small).max() < 8
    assert check_images(reader, [1])[0].is_grey
