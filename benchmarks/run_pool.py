"""Train many runs, some at a time, in processes that each train several.

A process of run_worker.py gets its runs one after another, because importing
TensorFlow takes longer than the shortest runs. A run that fails, or ends its
process, does not stop the others.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

WORKER = Path(__file__).with_name("run_worker.py")
DONE = "done"  # the worker's answer to a run that ended well
ONE_THREAD = {
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


class Job(NamedTuple):
    """A run: gin files, bindings, and the command that trains it alone."""

    name: str
    files: list[str]
    params: list[str]
    command: list[str]

    @property
    def folder(self) -> Path:
        """The run's folder, as the command names it."""
        return Path(self.command[-1].removeprefix("--run_dir="))

    @property
    def log(self) -> Path:
        """The file that gets what the run prints."""
        return self.folder.with_name(f"{self.folder.name}.log")


class Worker:
    """A process that trains runs; after `runs` of them a new one starts."""

    def __init__(self, runs: int, variables: Mapping[str, str]):
        self.runs, self.variables = runs, variables
        self.process, self.left = None, 0

    def train(self, job: Job) -> bool:
        """Train a run to its end; return whether that succeeded."""
        if not self.left:
            self.stop()
            self._start()
        self.left -= 1
        job.log.parent.mkdir(parents=True, exist_ok=True)
        message = job._asdict() | {"log": str(job.log)}
        message["folder"] = str(job.folder)
        try:
            print(json.dumps(message), file=self.process.stdin, flush=True)
            answer = self.process.stdout.readline().strip()
        except BrokenPipeError:
            answer = ""
        if not answer:  # the process has ended
            self.left = 0
        return answer == DONE

    def _start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **self.variables},
        )
        self.left = self.runs

    def stop(self, at_once: bool = False) -> None:
        """End the process; at once: a run in progress saves a checkpoint."""
        if self.process:
            if at_once:
                self.process.terminate()
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
            self.process.wait()
            self.process, self.left = None, 0


class Queue:
    """The runs to train, taken by several threads until the time is over."""

    def __init__(self, jobs: Iterable[Job], minutes: float | None):
        self.jobs, self.taken = list(jobs), 0
        self.lock, self.stopped = threading.Lock(), False
        minutes = float("inf") if minutes is None else minutes
        self.until = time.monotonic() + 60 * minutes

    def __iter__(self) -> Iterator[Job]:
        while (job := self._take()) is not None:
            yield job

    def _take(self) -> Job | None:
        with self.lock:
            late = self.stopped or time.monotonic() >= self.until
            if late or self.taken == len(self.jobs):
                return None
            job = self.jobs[self.taken]
            self.taken += 1
            count = f"{self.taken} of {len(self.jobs)}"
            print(f"== {count}: {job.name}", flush=True)
            return job


def train(
    jobs: Iterable[Job], ended: Callable[[Job, bool], None], settings: Mapping
) -> None:
    """Train runs; call `ended` with each and whether it succeeded.

    settings: "processes": runs at a time (1); "runs_per_process" (1);
        "variables": environment of the processes; "minutes" after which no run
        starts (None: all start).
    """
    queue = Queue(jobs, settings.get("minutes"))
    runs = settings.get("runs_per_process", 1)
    variables = settings.get("variables", {})
    workers = [
        Worker(runs, variables) for _ in range(settings.get("processes", 1))
    ]

    def work(worker: Worker) -> None:
        for job in queue:
            done = worker.train(job)
            with queue.lock:
                if not queue.stopped:
                    ended(job, done)
        worker.stop()

    # SIGTERM ends this process as Ctrl-C does: the runs save a checkpoint.
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with ThreadPoolExecutor(len(workers)) as pool:
        futures = [pool.submit(work, worker) for worker in workers]
        try:
            for future in futures:
                future.result()
        finally:
            queue.stopped = True
            for worker in workers:
                worker.stop(at_once=True)
            signal.signal(signal.SIGTERM, before)
