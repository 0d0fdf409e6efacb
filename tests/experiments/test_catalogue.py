"""What `--mode=list` prints: every name that a run can be made of."""

import subprocess
import sys

from support.paths import ROOT, RUN_FILES

from fsr_gdw_tf import networks
from fsr_gdw_tf.experiments import catalogue


def test_every_recipe_method_network_and_data_file_has_a_line():
    text = catalogue.catalogue()
    names = [name.removesuffix(".gin") for name in RUN_FILES]
    names += [path.stem for path in ROOT.glob("gin/methods/*.gin")]
    names += [path.stem for path in ROOT.glob("gin/data/*.gin")]
    names += [name for name in networks.__all__ if name != "split"]
    assert [n for n in names if f"\n  {n} " not in text] == []
    assert max(map(len, text.splitlines())) <= 80


def test_networks_are_described_by_their_docstrings():
    found = catalogue.networks()
    text = "the network of GDW's tables: 464,154 parameters at 10 classes"
    assert found["resnet32"] == text
    assert all(found.values())


def test_it_is_told_what_is_from_a_paper():
    """FSR-Raw is in the paper; our own control and our own data are not."""
    for file, origin in (
        ("methods/fsr_raw", "paper"),
        ("methods/supervised_clean", "ours"),
        ("cifar10_noise", "paper"),
        ("digits", "ours"),
    ):
        assert catalogue.origin(ROOT / f"gin/{file}.gin") == origin, file


def test_the_command_needs_no_recipe_and_no_tensorflow():
    code = (
        "import sys; from fsr_gdw_tf import main; "
        "sys.argv = ['fsr-gdw', '--mode=list']; main.parse(sys.argv); "
        "main.main(['fsr-gdw']); assert 'tensorflow' not in sys.modules"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("recipes, --gin_file=gin/<name>.gin:")
