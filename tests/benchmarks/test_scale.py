"""State per example stays cheap at the sizes of real data sets."""

import time

import numpy as np
import pytest

from fsr_gdw_tf import Dictionary, InputPipeline, arrays


def test_choosing_members_at_inaturalists_size_takes_under_two_seconds():
    """437,513 examples of 8,142 classes, two members each."""
    classes, n = 8_142, 437_513
    rng = np.random.default_rng(0)
    tail = rng.zipf(1.5, n - classes) % classes
    source = arrays(
        np.zeros((n, 1), np.float32), np.concatenate([range(classes), tail])
    )
    dictionary = Dictionary(2 * classes, 2 * classes)
    dictionary.setup(None, source, InputPipeline(128))
    dictionary.scores.assign(rng.random(n).astype(np.float32))
    dictionary.visits.assign(np.ones(n, np.float32))
    start = time.perf_counter()
    members = dictionary.choose(source, epoch=1)
    assert time.perf_counter() - start < 2.0
    counts = np.bincount(source.labels[members], minlength=classes)
    np.testing.assert_array_equal(counts, np.minimum(source.counts(), 2))


@pytest.mark.slow
def test_the_table_of_costs_has_a_row_of_numbers(run_script):
    ended = run_script("scale", "--only=0", "--rounds=1")
    assert ended.returncode == 0, ended.stderr
    row = ended.stdout.splitlines()[-1]
    n, classes, members, *costs = map(float, row.split())
    assert (n, classes, members) == (50_000, 10, 2_000)
    assert len(costs) == 5 and all(cost > 0 for cost in costs)
    # Per example four float32, ten float32 and int64, and nineteen float32 of
    # the recorders: 212 bytes, .0099 GiB.
    assert costs[3] == 0.01
