"""The callbacks of a run."""

from pathlib import Path

import pytest

from fsr_gdw_tf.experiments.run_callbacks import save_best
from fsr_gdw_tf.io.run_folder import RunFolder


class Saved:
    """A network that only knows how to be saved."""

    def save(self, path, overwrite):
        Path(path).write_text("network")


@pytest.mark.parametrize(
    ("before", "accuracy", "is_saved"),
    [([], 0.1, True), ([0.5, 0.9], 0.8, False), ([0.5, 0.9], 0.95, True)],
)
def test_a_resumed_run_keeps_its_best_epoch(
    tmp_path, before, accuracy, is_saved
):
    rows = [{"val_accuracy": value} for value in before]
    callback = save_best(RunFolder(tmp_path), rows)
    callback.set_model(Saved())
    callback.on_epoch_end(len(before), {"val_accuracy": accuracy})
    assert (tmp_path / "best.keras").is_file() == is_saved
