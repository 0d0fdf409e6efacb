"""Several replicas, and several hosts, take the step that one takes."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from end_to_end.kill_and_resume import environments
from support.method_cases import MAIN
from support.runs import TINY, one_line

HERE = Path(__file__).parent
# MixUp draws other pairs on each replica: another run, just as good.
SAME = [
    c for c in MAIN if c not in ("mixup", "mixup_beta", "remix", "crust", "fsr")
]
GROUPS = [SAME[i::2] for i in range(2)]
COPIES = ["copies of moving_mean", "copies of moving_variance"]
THREE = ["mwnet", "gdw", "fsr_raw"]


def train(cases, replicas, folder, hosts=1) -> list[dict]:
    """Each case's results, from each host."""
    command = [sys.executable, "replicas.py", str(replicas), str(folder)]
    runs = [
        subprocess.Popen(
            [*command, *cases],
            cwd=HERE,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for environment in environments(hosts)
    ]
    for run in runs:
        said = run.communicate()[0]
        assert run.returncode == 0, said
    names = [replicas] if replicas else [f"host{i}" for i in range(hosts)]
    return [
        {c: dict(np.load(folder / f"{c}.{name}.npz")) for c in cases}
        for name in names
    ]


def assert_same(one: dict, other: dict, cases) -> None:
    for case in cases:
        assert list(one[case]) == list(other[case])
        for name in one[case]:
            np.testing.assert_allclose(
                one[case][name],
                other[case][name],
                rtol=1e-5,
                atol=1e-6,
                err_msg=f"{name} of {case}",
            )


@pytest.mark.slow
@pytest.mark.parametrize("cases", GROUPS, ids=" ".join)
def test_two_replicas_end_where_one_ends(cases, tmp_path):
    (one,), (two,) = (train(cases, n, tmp_path) for n in (1, 2))
    assert_same(one, two, cases)


@pytest.mark.slow
def test_four_replicas_and_two_hosts_end_where_one_ends(tmp_path):
    """State, training and test metrics, and predictions, on every host."""
    every = [*THREE, "dataset"]
    (one,), (four,) = train(every, 1, tmp_path), train(THREE, 4, tmp_path)
    assert_same(one, four, THREE)
    first, second = train(every, 0, tmp_path, hosts=2)
    assert_same(one, first, every)
    assert one["dataset"]["12 iteration"] == 12, "six batches an epoch"
    for case in every:
        for name in first[case]:
            np.testing.assert_array_equal(
                first[case][name], second[case][name], err_msg=name
            )


@pytest.mark.slow
def test_replicas_draw_their_own_rewards_and_score_every_example(tmp_path):
    """Two epochs: each replica's half of each batch is scored."""
    state = train(["fsr"], 2, tmp_path)[0]["fsr"]
    visits = next(v for name, v in state.items() if "visits" in name)
    assert visits.tolist() == [2.0] * 60
    assert all(np.isfinite(v).all() for v in state.values())


@pytest.mark.slow
def test_batch_normalisation_and_datasets_on_replicas(tmp_path):
    """Synchronised, it is that of one replica; and all remember the same.

    Keras leaves every replica its own moving statistics, of which a checkpoint
    would hold one. A dataset of the user's is shared evenly.
    """
    cases = ["bn", "bn_sync"]
    runs = (train([*cases, "dataset"], n, tmp_path) for n in (1, 2))
    (one,), (two,) = runs
    assert_same(one, two, ["dataset"])
    copies = [two[case].pop(k) for case in cases for k in COPIES]
    for mine, other in copies:
        np.testing.assert_array_equal(mine, other)
    for k in COPIES:
        one["bn_sync"].pop(k)
    assert_same(one, two, ["bn_sync"])
    apart = np.abs(one["bn"]["predicted"] - two["bn"]["predicted"]).max()
    assert apart > 1e-3, "each replica normalises its part by itself"


@pytest.mark.slow
def test_a_batch_that_replicas_cannot_share_is_bad_input(tmp_path):
    settings = ["STRATEGY='mirrored'", "DEVICE='CPU'", "REPLICAS=4"]
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "fsr_gdw_tf.main", *TINY),
            *(f"--gin_param={setting}" for setting in settings),
            f"--run_dir={tmp_path}/run",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    last = ended.stderr.splitlines()[-1]
    assert one_line(last + "\n")
    assert "a global BATCH_SIZE of 30 cannot be split evenly over 4" in last
    assert "use 28 or 32" in last
