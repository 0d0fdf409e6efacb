"""Several replicas, and several hosts, take the step that one takes."""

import functools
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from contract import replicas
from end_to_end.kill_and_resume import environments
from support.forked import Forked, run_forked
from support.method_cases import LOSSES, MAIN
from support.runs import TINY, one_line

# MixUp draws other pairs on each replica: another run, just as good.
RANDOM = ("mixup", "remix", "crust", "fsr")
# A meta gradient of every other step is one at the current weights, too.
OTHERS = (*RANDOM, *LOSSES, "gdw_now")
SAME = [case for case in MAIN if case not in OTHERS]
COPIES = ["copies of moving_mean", "copies of moving_variance"]
ON_TWO = [*SAME, "fsr", "dataset", "bn", "bn_sync"]
ON_FOUR = ["mwnet"]
ON_HOSTS = ["gdw", "fsr_raw", "dataset"]
# A difference of logits is divided by the distance of the weights, and so is
# the rounding of the logits: by this in float32.
MAGNIFIED = {"gdw_difference": 2**11.5}
# Replicas train in other processes, at the same time as one does here.
pytestmark = pytest.mark.slow


class Processes:
    """Processes that train cases one after the other."""

    def __init__(self, count, cases, folder, hosts=1):
        program = [replicas.__file__, count, folder, *cases]
        names = [count] if count else [f"host{i}" for i in range(hosts)]
        self.folder, self.log = folder, folder / f"{count}.txt"
        self.started = {
            name: Forked(program, self.log, self.log, environment)
            for name, environment in zip(
                names, environments(hosts), strict=True
            )
        }

    def results(self, case: str) -> list[dict[str, np.ndarray]]:
        """Return what each process has saved of a case, once it has."""
        return [self._result(case, name) for name in self.started]

    def _result(self, case, name):
        file = Path(self.folder, f"{case}.{name}.npz")
        while not file.exists():
            ended = self.started[name].poll() is not None
            assert file.exists() or not ended, self.log.read_text()
            time.sleep(0.05)
        return dict(np.load(file))

    def stop(self):
        for process in self.started.values():
            process.kill()
            process.wait()


def fixture_of(*args, **kwargs):
    """Return a fixture that starts processes and ends them."""

    @pytest.fixture(scope="module")
    def started(tmp_path_factory):
        folder = tmp_path_factory.mktemp("replicas")
        processes = Processes(*args, folder, **kwargs)
        yield processes
        processes.stop()

    return started


two = fixture_of(2, ON_TWO)
four = fixture_of(4, ON_FOUR)
hosts = fixture_of(0, ON_HOSTS, hosts=2)


@functools.cache
def one(case: str) -> dict[str, np.ndarray]:
    """Return what one replica ends with."""
    return replicas.train(case, tf.distribute.get_strategy())


def assert_same(
    one: dict, other: dict, rounding: float = 1, but: tuple[str, ...] = ()
) -> None:
    assert list(one) == list(other)
    for name in one.keys() - set(but):
        np.testing.assert_allclose(
            one[name],
            other[name],
            rtol=rounding * 1e-5,
            atol=rounding * 1e-6,
            err_msg=name,
        )


@pytest.mark.parametrize("case", [*SAME, "dataset"])
def test_two_replicas_end_where_one_ends(case, two):
    assert_same(one(case), *two.results(case), MAGNIFIED.get(case, 1))


@pytest.mark.parametrize("case", ON_FOUR)
def test_four_replicas_end_where_one_ends(case, four):
    assert_same(one(case), *four.results(case))


@pytest.mark.parametrize("case", ON_HOSTS)
def test_two_hosts_end_where_one_ends(case, hosts):
    """State, training and test metrics, and predictions, on every host."""
    first, second = hosts.results(case)
    assert_same(one(case), first)
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


def test_a_users_dataset_has_six_batches_an_epoch():
    counts = [v for k, v in one("dataset").items() if k.endswith(" iteration")]
    assert counts and set(map(int, counts)) == {12}


def test_replicas_draw_their_own_rewards_and_score_every_example(two):
    """Two epochs: each replica's half of each batch is scored."""
    (state,) = two.results("fsr")
    visits = next(v for name, v in state.items() if "visits" in name)
    assert visits.tolist() == [2.0] * 60
    assert all(np.isfinite(v).all() for v in state.values())


@pytest.mark.parametrize("case", ["bn", "bn_sync"])
def test_replicas_remember_the_same_batch_normalisation(case, two):
    """Keras leaves each replica its own; a checkpoint would hold one."""
    (state,) = two.results(case)
    for mine, other in (state[name] for name in COPIES):
        np.testing.assert_array_equal(mine, other)


def test_synchronised_batch_normalisation_is_that_of_one_replica(two):
    (sync,), (apart,) = two.results("bn_sync"), two.results("bn")
    assert_same(one("bn_sync"), sync, but=COPIES)
    difference = np.abs(one("bn")["predicted"] - apart["predicted"]).max()
    assert difference > 1e-3, "each replica normalises its part by itself"


def test_a_batch_that_replicas_cannot_share_is_bad_input(tmp_path):
    settings = ["STRATEGY='mirrored'", "DEVICE='CPU'", "REPLICAS=4"]
    ended = run_forked(
        [
            *("-m", "fsr_gdw_tf.main", *TINY),
            *(f"--gin_param={setting}" for setting in settings),
            f"--run_dir={tmp_path}/run",
        ],
    )
    assert ended.returncode == 2
    last = ended.stderr.splitlines()[-1]
    assert one_line(last + "\n")
    assert "a global BATCH_SIZE of 30 cannot be split evenly over 4" in last
    assert "use 28 or 32" in last
