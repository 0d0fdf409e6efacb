"""Several replicas take the step that one takes."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from test_methods import CASES

HERE = Path(__file__).parent
# MixUp draws other pairs on each replica: another run, just as good.
SAME = [c for c in CASES if c not in ("mixup", "mixup_beta", "fsr")]


def train(case, replicas, folder) -> list[np.ndarray]:
    out = folder / f"{replicas}.npz"
    subprocess.run(
        [sys.executable, "replicas.py", case, str(replicas), str(out)],
        check=True,
        cwd=HERE,
        capture_output=True,
    )
    return list(np.load(out).values())


@pytest.mark.slow
@pytest.mark.parametrize("case", SAME)
def test_two_replicas_end_where_one_ends(case, tmp_path):
    one, two = (train(case, n, tmp_path) for n in (1, 2))
    assert len(one) == len(two)
    for a, b in zip(one, two, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
