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


def train(case, replicas, folder) -> dict[str, np.ndarray]:
    out = folder / f"{replicas}.npz"
    subprocess.run(
        [sys.executable, "replicas.py", case, str(replicas), str(out)],
        check=True,
        cwd=HERE,
        capture_output=True,
    )
    return dict(np.load(out))


@pytest.mark.slow
@pytest.mark.parametrize("case", SAME)
def test_two_replicas_end_where_one_ends(case, tmp_path):
    one, two = (train(case, n, tmp_path) for n in (1, 2))
    assert list(one) == list(two)
    for name in one:
        np.testing.assert_allclose(
            one[name], two[name], 1e-5, 1e-6, err_msg=name
        )


@pytest.mark.slow
def test_replicas_draw_their_own_rewards_and_score_every_example(tmp_path):
    """Two epochs: each replica's half of each batch is scored."""
    state = train("fsr", 2, tmp_path)
    visits = next(v for name, v in state.items() if "visits" in name)
    assert visits.tolist() == [2.0] * 60
    assert all(np.isfinite(v).all() for v in state.values())
