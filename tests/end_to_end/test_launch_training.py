"""Training runs that the launch scripts start."""

import json
import signal
import time
from pathlib import Path

import pytest
from support.launch import TINY, launch, localhost, start_workers

from fsr_gdw_tf.io.run_folder import RunFolder


def check_run(folder: Path, epochs: int = 1):
    """It came to its end, and no epoch was written twice or left out."""
    assert (folder / "DONE").is_file() and (folder / "run.json").is_file()
    rows = [row["epoch"] for row in RunFolder(folder).metrics()]
    assert rows == list(range(1, epochs + 1))


@pytest.mark.slow
def test_local_trains_where_the_user_stands(tmp_path):
    ended = launch(tmp_path, "local.sh", *TINY, "--run_dir=run", timeout=300)
    assert ended.returncode == 0, ended.stderr
    check_run(tmp_path / "run")


@pytest.mark.slow
def test_multi_gpu_trains_on_logical_cpus(tmp_path):
    args = ["2", "--cpu", *TINY, "--run_dir=run"]
    ended = launch(tmp_path, "multi_gpu.sh", *args, timeout=300)
    assert ended.returncode == 0, ended.stderr
    check_run(tmp_path / "run")
    about = json.loads((tmp_path / "run" / "run.json").read_text())
    assert (about["strategy"], about["replicas"]) == ("mirrored", 2)


@pytest.mark.slow
def test_workers_save_when_told(tmp_path):
    """Ten batches per epoch: hosts agree on leaving every 20 of them.

    test_kill_and_resume.py shows that the same command goes on.
    """
    small = ["--gin_param=BATCH_SIZE=12", "--gin_param=EPOCHS=1000"]
    with start_workers(tmp_path, *TINY, *small, "--run_dir=run") as run:
        deadline = time.monotonic() + 240
        while not RunFolder(tmp_path / "run").metrics():
            assert run.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        run.send_signal(signal.SIGTERM)
        out, err = run.communicate(timeout=240)
    assert run.returncode == 143, err
    assert "[0] SIGTERM: saved after step" in out and "[1]" not in out
    assert not (tmp_path / "run" / "DONE").exists()


@pytest.mark.slow
def test_workers_that_are_set_wrongly_end_at_once(tmp_path):
    ended = launch(
        tmp_path, *localhost(*TINY, "--gin_param=NOSIE=0.2"), timeout=60
    )
    assert ended.returncode == 2
    assert "error: no setting 'NOSIE': did you mean 'NOISE'?" in ended.stderr
