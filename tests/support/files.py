"""Faults of files."""

import contextlib
import resource


@contextlib.contextmanager
def largest_file(size: int):
    """Let no file of this process grow beyond a size: a disk that is full."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
