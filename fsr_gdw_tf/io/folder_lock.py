"""Let one process at a time write to a folder."""

import contextlib
import json
import os
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from fsr_gdw_tf.errors import InvalidInput

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

NAME = ".lock"
# A link of that name would be written through, and a pipe would block.
FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
FLAGS |= getattr(os, "O_NONBLOCK", 0)


@contextlib.contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Lock a folder, which is created if need be; raise if it is locked.

    The operating system unlocks it when the process ends, however it ends. On
    Windows, and on file systems without locks, nothing is locked.
    """
    remedy = "choose another --run_dir"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = os.open(folder / NAME, FLAGS, 0o644)
    except OSError as error:
        raise InvalidInput(
            f"cannot write to {folder} ({error.strerror}); {remedy}"
        ) from error
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise InvalidInput(f"{folder / NAME} is not a file; {remedy}")
        if not _locked(file):
            raise InvalidInput(
                f"another process is writing to {folder}{_holder(file)}; wait "
                f"for its end, or {remedy}"
            )
        os.ftruncate(file, 0)
        os.pwrite(file, json.dumps(_this_process()).encode(), 0)
        yield
    finally:
        os.close(file)


def _locked(file: int) -> bool:
    """Lock an open file; return False if another process has locked it."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass  # a file system without locks
    return True


def _this_process() -> dict:
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    return {"host": socket.gethostname(), "pid": os.getpid(), "since": since}


def _holder(file: int) -> str:
    """Return who has locked the file, in brackets, as far as it tells."""
    try:
        holder = json.loads(os.pread(file, 1000, 0))
        return " (process {pid} on {host}, since {since})".format(**holder)
    except (ValueError, KeyError, TypeError):
        return ""
