"""What `--help` prints."""

import pytest

from fsr_gdw_tf import main
from fsr_gdw_tf.experiments import command_help, gin_descriptions


@pytest.fixture(scope="module")
def printed() -> list[str]:
    """Return the lines that `fsr-gdw --help` prints."""
    flags = main.FLAGS.flags_by_module_dict()["fsr_gdw_tf.main"]
    modes = main.MODES | main.WITHOUT_RECIPE
    return command_help.command_help(modes, flags).splitlines()


def test_flags_modes_recipes_methods_and_settings_are_there(printed):
    text = "\n".join(printed)
    flags = ("gin_file", "gin_param", "run_dir", "mode", "allow_imports")
    for name in (*flags, "dry_run"):
        assert f"\n  --{name} " in text
    assert "repeat this option" not in text and "<train|" not in text
    for name in (*main.MODES, "list", "doctor", *gin_descriptions.recipes()):
        assert f"\n  {name} " in text, name
    for name in gin_descriptions.methods():
        assert name in text, name
    assert "\n  NOISE             rate of artificial label noise [0.0]" in text


def test_lines_fit_a_terminal(printed):
    assert max(map(len, printed)) <= 80


def test_help_ends_without_an_error_or_a_recipe(capsys):
    for flag in ("--help", "-h"):
        with pytest.raises(SystemExit) as stop:
            main.parse(["fsr-gdw", flag])
        assert stop.value.code == 0
        out = capsys.readouterr().out
        assert out.startswith("Train Keras classifiers on noisy")
    assert main.parse(["fsr-gdw", "word"]) == ["fsr-gdw", "word"]
