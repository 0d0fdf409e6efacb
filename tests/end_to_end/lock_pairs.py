"""Let two processes begin a run in one folder at once; print who won.

    python tests/end_to_end/lock_pairs.py --pairs=50
    python tests/end_to_end/lock_pairs.py --pairs=50 --train

They begin it as training does, or, with --train, are two commands that train,
each with another configuration. Of each pair one must win, the other be told
so, and the folder be the winner's.
"""

import argparse
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.forked import Forked

from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.io.files import read_csv
from fsr_gdw_tf.io.run_folder import RunFolder

PROCESSES = multiprocessing.get_context("spawn")
TOLD = "another process is writing to"
TRAIN = [
    *("-m", "fsr_gdw_tf.main", "--gin_file=gin/digits.gin", "--mode=train"),
    *("--gin_param=EPOCHS=2", "--gin_param=TRAIN_EXAMPLES=200"),
]


def begin(rank: int, folders: Sequence[Path], barrier, results) -> None:
    """Begin a run in each folder; put "won" or the error for each."""
    for folder in folders:
        barrier.wait()
        try:
            with RunFolder(folder).open(config_of(rank)):
                barrier.wait()  # the other process has tried, too
                results.put((folder, rank, "won"))
        except InvalidInput as error:
            barrier.wait()
            results.put((folder, rank, str(error)))


def config_of(rank: int) -> str:
    return f"SEED = {rank}\n"


def winners(root: Path, pairs: int) -> list[int]:
    """Return which process won each folder; raise unless one did."""
    folders = [root / str(i) for i in range(pairs)]
    barrier, results = PROCESSES.Barrier(2, timeout=60), PROCESSES.Queue()
    shared = folders, barrier, results
    processes = [
        PROCESSES.Process(target=begin, args=(rank, *shared), daemon=True)
        for rank in (0, 1)
    ]
    for process in processes:
        process.start()
    told = [results.get(timeout=120) for _ in range(2 * pairs)]
    for process in processes:
        process.join()
    found = []
    for folder in folders:
        ends = {rank: end for where, rank, end in told if where == folder}
        won = [rank for rank, end in ends.items() if end == "won"]
        assert len(won) == 1, (folder, ends)
        assert ends[1 - won[0]].startswith(TOLD), ends
        assert (folder / "config.gin").read_text() == config_of(won[0])
        assert {p.name for p in folder.iterdir()} == {"config.gin", ".lock"}
        found += won
    return found


def trained_by(run: Path, first: int) -> int:
    """Train in a folder with two commands at once; return which one did.

    first: which of them is started some milliseconds earlier.
    """
    ends = [run.with_name(f"{run.name}_{rank}.txt") for rank in (0, 1)]
    processes = {
        rank: Forked(
            [*TRAIN, f"--gin_param=SEED={rank}", f"--run_dir={run}"],
            *(ends[rank], ends[rank]),
        )
        for rank in (first, 1 - first)
    }
    codes = [processes[rank].wait() for rank in (0, 1)]
    said = [end.read_text() for end in ends]
    assert sorted(codes) == [0, 2], said
    won = codes.index(0)
    (line,) = said[1 - won].splitlines()
    assert line.startswith(f"error: {TOLD}"), line
    assert f"SEED = {won}\n" in (run / "config.gin").read_text()
    assert len(read_csv(run / "metrics.csv")) == 2
    assert RunFolder(run).done
    return won


def main() -> None:
    """Print how many pairs each process has won."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=50)
    parser.add_argument("--train", action="store_true")
    given = parser.parse_args()
    pairs = given.pairs
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        if given.train:
            found = [trained_by(root / str(i), i % 2) for i in range(pairs)]
        else:
            found = winners(root, pairs)
    print(f"{pairs} pairs, one winner each: {found.count(0)} times the first")


if __name__ == "__main__":
    main()
