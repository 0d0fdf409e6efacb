"""Checks and edits of the data sets in support/lookalikes.py."""

import numpy as np

from fsr_gdw_tf.data import Resize


def assert_reads(source, rows, number=None):
    """Assert that a source holds these (path, label, shade) in order."""
    labels = [number[label] if number else label for _, label, _ in rows]
    assert source.labels.tolist() == labels
    images = source.load(range(len(rows)), Resize(4).test)
    assert images.shape == (len(rows), 4, 4, 3)
    shades = np.array([shade for _, _, shade in rows])
    np.testing.assert_array_equal(
        images, shades[:, None, None, None] + 0 * images
    )
    for i, (path, _, _) in enumerate(rows):
        assert source.name(i).endswith(f"/{path}")


def change_lines(file, change):
    """Rewrite a text file; `change` maps the list of its lines."""
    lines = file.read_text().splitlines()
    file.write_text("".join(f"{line}\n" for line in change(lines)))


def put(line, text):
    """Return a change that replaces line number `line` by `text`."""
    return lambda lines: [*lines[: line - 1], text, *lines[line:]]
