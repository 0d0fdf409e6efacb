"""Gin files of others are data: nothing they name is imported or called.

A module `harm` stands in the current folder; importing it leaves a file.
"""

import pytest
from support.runs import TINY, one_line

from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.experiments import gin_config, gin_safety
from fsr_gdw_tf.experiments.experiment import data_of_run
from fsr_gdw_tf.io.run_folder import RunFolder

DYNAMIC = "from __gin__ import dynamic_registration\n"
CALL = "Experiment.seed = @subprocess.Popen()\n"
ATTACKS = {
    "import": "import harm\n",
    "import as": "import harm as keras\n",
    "from import": "from harm import something\n",
    "of a module that starts alike": "import fsr_gdw_tf_harm\n",
    "standard library": f"import subprocess\n{CALL}",
    "dynamic registration": f"{DYNAMIC}import subprocess\n{CALL}",
    "attribute of an own module": (
        f"{DYNAMIC}import fsr_gdw_tf.experiments.gin_safety\n"
        "SEED = @fsr_gdw_tf.experiments.gin_safety.os.system()\n"
    ),
    "after other statements": "SEED = 1\nEPOCHS = (\n  2)\nimport harm\n",
    "included": "include 'inner.gin'\n",
}
# Only the configuration of a run is held to these as well.
SAVED_ATTACKS = ATTACKS | {
    "own module": "import fsr_gdw_tf.losses\n",
    "package file": "include 'gin/base.gin'\n",
    "reference": CALL,
    "reference in a list": "X = [1, {'a': (@a/os.system,)}]\n",
    "reference in a scope": "X = @a/b/os.system()\n",
    "binding": "os.system.command = 'touch harmed'\n",
    "block": "a/os.system:\n    command = 'touch harmed'\n",
    "what a user has registered": "SEED = @user.harmful()\n",
}


@pytest.fixture(autouse=True)
def harmless(tmp_path, monkeypatch):
    """Put the module and an included file there; check that none was run."""
    harm = "from pathlib import Path\nPath('harmed').touch()\n"
    for name in ("harm", "fsr_gdw_tf_harm"):
        (tmp_path / f"{name}.py").write_text(harm)
    (tmp_path / "inner.gin").write_text("import harm\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    gin_config.gin.clear_config()
    assert not (tmp_path / "harmed").exists()


def harmful() -> None:
    raise AssertionError("a function of the user was called")


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_gin_file_with_imports_is_refused(attack, tmp_path, command_line):
    (tmp_path / "other.gin").write_text(ATTACKS[attack])
    for name in ("other.gin", str(tmp_path / "other.gin")):
        code, _, err = command_line(*TINY, f"--gin_file={name}")
        assert code == 2 and one_line(err), err
        assert "--allow_imports" in err


@pytest.mark.parametrize("attack", SAVED_ATTACKS)
def test_the_configuration_of_a_run_is_data(attack, tmp_path):
    if "user.harmful" not in gin_config.gin.config._REGISTRY:
        gin_config.gin.register(harmful, module="user")
    (tmp_path / "config.gin").write_text(SAVED_ATTACKS[attack])
    with pytest.raises(InvalidInput, match=r"config\.gin .*nothing of it was"):
        data_of_run(RunFolder(tmp_path))


def test_a_binding_of_the_command_line_imports_nothing(command_line):
    for text in ("import harm.a\nSEED=1", "include 'inner.gin'\nA.b=1"):
        code, _, err = command_line(*TINY, f"--gin_param={text}")
        assert code == 2 and one_line(err), err


def test_the_flag_lets_a_file_import(tmp_path, command_line):
    (tmp_path / "kind.py").write_text("from pathlib import Path\n")
    (tmp_path / "other.gin").write_text("import kind\nMODE = 'nothing'\n")
    flags = [*TINY, "--gin_file=other.gin", "--allow_imports"]
    code, _, err = command_line(*flags)
    assert code == 2 and "no MODE 'nothing'" in err, "it was parsed"
    assert "import kind" in gin_config.config_string()


def test_imports_of_the_package_are_allowed_and_not_saved(tmp_path):
    """They change nothing, and a saved configuration has no import."""
    text = "include 'gin/digits.gin'\n"
    (tmp_path / "own.gin").write_text(f"import fsr_gdw_tf.losses\n{text}")
    gin_config.parse(["own.gin"])
    saved = gin_config.config_string()
    assert "\nimport" not in f"\n{saved}"
    gin_config.parse(["gin/digits.gin"])
    assert gin_config.config_string() == saved
    (tmp_path / "config.gin").write_text(saved)
    gin_config.parse_saved(tmp_path / "config.gin")
    assert gin_config.config_string() == saved


@pytest.mark.parametrize(
    "text",
    [
        *("a = 'x", "a = [" * 5000, "a: b", "\x00", "a = @", "= 3", "%a = 1"),
        *("a = 'b\n", "a = 1e", "a.b.c", "include 3", "Ü = 1\u2028 x"),
        *("A = @Adam\nB = @AdamW()\nmissing.a = 1", "\ufeffa = 1"),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(text, tmp_path):
    (tmp_path / "config.gin").write_text(text, encoding="utf-8")
    for parse in (
        lambda: gin_config.parse_saved(tmp_path / "config.gin"),
        lambda: gin_config.parse(["config.gin"]),
    ):
        with pytest.raises(InvalidInput) as error:
            parse()
        assert "\n" not in str(error.value)


def test_bytes_that_are_no_text_and_a_huge_file_are_refused(tmp_path):
    for content in (b"\xff\xfe\x00", b"#" * (gin_safety.MAX_SAVED_BYTES + 1)):
        (tmp_path / "config.gin").write_bytes(content)
        with pytest.raises(InvalidInput, match=r"config\.gin"):
            gin_config.parse_saved(tmp_path / "config.gin")


def test_a_file_that_includes_itself_is_refused(tmp_path):
    (tmp_path / "a.gin").write_text("include 'b.gin'\n")
    (tmp_path / "b.gin").write_text("include 'a.gin'\n")
    with pytest.raises(InvalidInput, match="includes itself"):
        gin_config.parse(["a.gin"])


def test_the_configuration_of_a_run_downloads_nothing(tmp_path):
    """Not with a scope either, whose bindings come before others."""
    text = "a/tfds_images.download = True\ntfds_images.download = True\n"
    (tmp_path / "config.gin").write_text(text)
    gin_config.parse_saved(tmp_path / "config.gin")
    gin_config.forbid_downloads()
    for name in ("tfds_images.download", "a/tfds_images.download"):
        assert gin_config.gin.query_parameter(name) is False
