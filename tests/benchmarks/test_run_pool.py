"""Processes that train the runs of a table."""

import run_pool
import run_worker

from fsr_gdw_tf.io.files import read_csv

# Answers as run_worker.py does; a run called "die" ends the process.
WORKER = """if True:
    import json, os, sys
    for line in sys.stdin:
        job = json.loads(line)
        with open(job["log"], "w") as log:
            log.write(f"{os.getpid()} {os.environ.get('ANSWER')}")
        if job["name"] == "die":
            sys.exit(1)
        print("failed" if job["name"] == "fail" else "done", flush=True)
"""


def train(tmp_path, monkeypatch, names, **settings) -> dict[str, bool]:
    """Train runs; return which ended well, by name."""
    worker = tmp_path / "worker.py"
    worker.write_text(WORKER)
    monkeypatch.setattr(run_pool, "WORKER", worker)
    jobs = [
        run_pool.Job(name, [], [], [f"--run_dir={tmp_path}/runs/{name}"])
        for name in names
    ]
    ended = {}
    run_pool.train(jobs, lambda job, d: ended.update({job.name: d}), settings)
    return ended


def processes(tmp_path) -> dict[str, str]:
    """Return the process that trained each run."""
    logs = (tmp_path / "runs").glob("*.log")
    return {log.stem: log.read_text().split()[0] for log in logs}


def test_a_run_that_fails_or_ends_its_process_does_not_stop_others(
    tmp_path, monkeypatch
):
    names = ["a", "fail", "b", "die", "c"]
    ended = train(tmp_path, monkeypatch, names, runs_per_process=9)
    good = {"a": True, "b": True, "c": True}
    assert ended == {**good, "fail": False, "die": False}
    ids = processes(tmp_path)
    assert ids["a"] == ids["fail"] == ids["b"] == ids["die"] != ids["c"]


def test_processes_train_so_many_runs_with_their_variables(
    tmp_path, monkeypatch
):
    names = ["a", "b", "c"]
    variables = {"ANSWER": "42"}
    train(
        tmp_path,
        monkeypatch,
        names,
        runs_per_process=2,
        variables=variables,
    )
    ids = processes(tmp_path)
    assert ids["a"] == ids["b"] != ids["c"]
    assert (tmp_path / "runs" / "a.log").read_text().endswith(" 42")


def test_two_at_a_time_train_each_run_once(tmp_path, monkeypatch):
    names = list("abcdefgh")
    ended = train(tmp_path, monkeypatch, names, processes=2, runs_per_process=9)
    assert ended == dict.fromkeys(names, True)
    assert 1 <= len(set(processes(tmp_path).values())) <= 2


def test_no_run_starts_when_the_time_is_over(tmp_path, monkeypatch):
    assert train(tmp_path, monkeypatch, ["a"], minutes=0) == {}
    assert train(tmp_path, monkeypatch, ["a"], minutes=1) == {"a": True}


def test_a_recipe_of_several_runs_is_trained_as_such(tmp_path):
    """Not its last run alone, which is another method."""
    job = {
        "files": ["gin/digits.gin", "gin/methods/rog.gin"],
        "params": [
            *("EPOCHS=1", "TRAIN_EXAMPLES=120", "BATCH_SIZE=30"),
            "small_cnn.widths=(4, 8)",
        ],
        "folder": str(tmp_path / "rog"),
        "command": [],
    }
    run_worker.train(job)
    stages = [row["stage"] for row in read_csv(tmp_path / "rog" / "stages.csv")]
    assert stages == ["network", "head"]
