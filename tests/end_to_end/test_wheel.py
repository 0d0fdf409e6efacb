"""The package as it is installed."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from support.paths import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # A copy, so that building leaves nothing in the checkout.
    copy = folder / "checkout"
    copy.mkdir()
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        (copy / name).write_bytes((ROOT / name).read_bytes())
    for name in ("gin", "fsr_gdw_tf"):
        subprocess.run(["cp", "-r", ROOT / name, copy], check=True)
    flags = ["--no-deps", "--quiet", "--no-build-isolation", "--wheel-dir"]
    pip = [sys.executable, "-m", "pip", "wheel"]
    subprocess.run([*pip, *flags, folder, copy], check=True)
    return next(folder.glob("*.whl"))


@pytest.mark.slow
def test_the_wheel_holds_every_recipe_and_module(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for path in ROOT.glob("gin/**/*.gin"):
        assert f"fsr_gdw_tf/{path.relative_to(ROOT)}" in names
    for kind in ("py", "pyi", "css", "html", "js"):
        for path in ROOT.glob(f"fsr_gdw_tf/**/*.{kind}"):
            assert str(path.relative_to(ROOT)) in names
    assert "fsr_gdw_tf/py.typed" in names


@pytest.mark.slow
def test_the_wheel_installs_the_command(wheel):
    archive = zipfile.ZipFile(wheel)
    (file,) = (n for n in archive.namelist() if n.endswith("entry_points.txt"))
    assert "fsr-gdw = fsr_gdw_tf.main:start" in archive.read(file).decode()


@pytest.mark.slow
def test_the_wheel_trains_from_an_empty_folder(wheel, tmp_path):
    site, work = tmp_path / "site", tmp_path / "empty"
    work.mkdir()
    zipfile.ZipFile(wheel).extractall(site)
    flags = ["--gin_file=gin/digits.gin", "--gin_param=EPOCHS=1"]
    ended = subprocess.run(
        [sys.executable, "-m", "fsr_gdw_tf.main", "--mode=train", *flags],
        cwd=work,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert (work / "runs" / "digits" / "DONE").is_file()
