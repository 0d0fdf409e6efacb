"""Find the checkpoints of a folder, and restore the newest intact one."""

import contextlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import tensorflow as tf

from fsr_gdw_tf.distribution.hosts import print_on_chief
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.io.files import DAMAGE, one_line_errors

NAME = re.compile(r"ckpt-(\d+)\.index")  # as tf.train.CheckpointManager writes


def remove_unreadable_list(folder: Path) -> None:
    """Remove the list of checkpoints if a manager could not read it."""
    try:
        tf.train.get_checkpoint_state(str(folder))
    except DAMAGE:
        (folder / "checkpoint").unlink(missing_ok=True)


def restore_newest(
    manager: tf.train.CheckpointManager, check: Callable[[], None]
) -> str | None:
    """Restore the newest intact checkpoint; return its path, or None.

    TensorFlow compares the checksum of each variable. A damaged checkpoint is
    named in one line, and the one before it restored; if all are damaged, the
    line is raised.

    check: raises if what was restored is not what training saves.
    """
    paths = _saved_checkpoints(manager)
    for path in paths:
        try:
            with one_line_errors(Path(path)), _one_type_of_errors():
                manager.checkpoint.restore(path).assert_consumed()
                check()
            return path
        except InvalidInput as error:
            if path == paths[-1]:
                raise
            reason = str(error).rpartition("; ")[0]
            print_on_chief(f"{reason}; going on from the one before")
    return None


def _saved_checkpoints(manager: tf.train.CheckpointManager) -> list[str]:
    """Return the paths of all checkpoints, the newest first.

    TensorFlow reads and deletes the files that its list names, wherever they
    are: a list that names files elsewhere is refused.
    """
    folder = Path(manager.directory)
    listed = list(manager.checkpoints)
    if (latest := manager.latest_checkpoint) and latest not in listed:
        listed.append(latest)
    if any(Path(p).resolve().parent != folder.resolve() for p in listed):
        raise InvalidInput(
            f"{folder / 'checkpoint'}, the list of checkpoints, names files "
            "elsewhere; train again in another --run_dir"
        )
    if listed:
        return listed[::-1]
    files = [f for f in folder.glob("*.index") if NAME.fullmatch(f.name)]
    if files:
        print_on_chief(
            f"{folder / 'checkpoint'}, the list of checkpoints, is missing or "
            "damaged; going on from the newest file"
        )
    files.sort(key=lambda f: int(NAME.fullmatch(f.name)[1]), reverse=True)
    return [str(f.with_suffix("")) for f in files]


@contextlib.contextmanager
def _one_type_of_errors() -> Iterator[None]:
    """Raise what TensorFlow raises for damaged files as ValueError."""
    try:
        yield
    except (tf.errors.OpError, AssertionError) as error:
        raise ValueError(str(error)) from error
