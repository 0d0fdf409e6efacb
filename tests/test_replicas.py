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
GROUPS = [SAME[i::4] for i in range(4)]


def train(cases, replicas, folder) -> dict[str, dict[str, np.ndarray]]:
    subprocess.run(
        [sys.executable, "replicas.py", str(replicas), str(folder), *cases],
        check=True,
        cwd=HERE,
        capture_output=True,
    )
    return {c: dict(np.load(folder / f"{c}.{replicas}.npz")) for c in cases}


@pytest.mark.slow
@pytest.mark.parametrize("cases", GROUPS, ids=" ".join)
def test_two_replicas_end_where_one_ends(cases, tmp_path):
    one, two = (train(cases, n, tmp_path) for n in (1, 2))
    for case in cases:
        assert list(one[case]) == list(two[case])
        for name in one[case]:
            np.testing.assert_allclose(
                one[case][name],
                two[case][name],
                rtol=1e-5,
                atol=1e-6,
                err_msg=f"{name} of {case}",
            )


@pytest.mark.slow
def test_replicas_draw_their_own_rewards_and_score_every_example(tmp_path):
    """Two epochs: each replica's half of each batch is scored."""
    state = train(["fsr"], 2, tmp_path)["fsr"]
    visits = next(v for name, v in state.items() if "visits" in name)
    assert visits.tolist() == [2.0] * 60
    assert all(np.isfinite(v).all() for v in state.values())
