"""The list of cells, and what its commands need."""

import subprocess
import sys

from environment import ROOT
from full_scale import cells

from fsr_gdw_tf.experiments import gin_config


def test_the_list_and_its_commands():
    """All cells configure a run of the papers' length."""
    listed = cells.all_cells()
    assert len({cell.name for cell in listed}) == len(listed)
    assert [cell.name for cell in listed[:3]] == [
        f"gdw_uniform_40_{m}_seed0" for m in ("gdw", "mwnet", "supervised")
    ]
    epochs = {"GDW": 80, "FSR": 127}
    for cell in {cell._replace(seed=0) for cell in listed}:
        gin_config.parse(cell.gin_files, cell.gin_params)
        assert gin_config.value("EPOCHS") == epochs[cell.schedule]
        assert gin_config.value("BATCH_SIZE") == 100
        assert (f"--gin_file={cell.gin_files[1]}") in cell.command


def test_what_runs_on_the_other_machine_imports_no_tensorflow():
    code = "import sys; sys.path.insert(0, 'benchmarks'); "
    code += "import full_scale.run, full_scale.speed, full_scale.epoch_time; "
    code += "print(*sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    modules = set(ended.stdout.split())
    assert {"numpy", "full_scale.speed"} <= modules
    others = {"tensorflow", "keras", "fsr_gdw_tf", "absl", "torch"}
    assert not modules & others


def test_an_unknown_cell_is_one_line(run_script):
    ended = run_script("full_scale.prepare", "--cells=gdw_uniform_40_gwd_seed0")
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1].startswith(
        "error: no cell 'gdw_uniform_40_gwd_seed0': did you mean"
    )
