"""Train runs one after another in this process; started by run_pool.py.

Each line of the standard input is a run in JSON: its gin files and params, the
folder, the log file, and the command to note in run.json. The answer is a line:
"done" or "failed".
"""

import json
import os
import sys
import traceback
from typing import TextIO

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
from run_pool import DONE

from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.experiments import gin_config, staged_run
from fsr_gdw_tf.io.run_folder import RunFolder


def train(job: dict) -> None:
    """Train a run, as `fsr_gdw_tf.main` does in a process of its own."""
    keras.backend.clear_session()
    gin_config.parse(job["files"], job["params"], allow_imports=True)
    results = staged_run.train(RunFolder(job["folder"]), job["command"])
    for name, value in results.items():
        print(f"{name}: {value}")


def try_to_train(job: dict) -> bool:
    """Train a run; print why if that fails."""
    try:
        train(job)
    except InvalidInput as error:
        print(f"error: {error}", file=sys.stderr)
        return False
    except Exception:
        traceback.print_exc()
        return False
    return True


def print_to(log: TextIO) -> None:
    """Send what this process and its libraries print to a file."""
    for number, stream in enumerate((sys.stdout, sys.stderr), start=1):
        stream.flush()
        os.dup2(log.fileno(), number)


def main() -> None:
    """Train what the lines of the standard input describe."""
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        job = json.loads(line)
        with open(job["log"], "w", encoding="utf-8") as log:
            print_to(log)
            done = try_to_train(job)
            sys.stdout.flush()
            sys.stderr.flush()
        print(DONE if done else "failed", file=answers, flush=True)


if __name__ == "__main__":
    main()
