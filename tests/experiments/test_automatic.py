"""Settings that are 'auto' get values from the data, but for the user's."""

import pytest
from support.images import picture

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.experiments import automatic, gin_config, modes
from fsr_gdw_tf.io.run_folder import RunFolder

assert modes  # gin knows all that recipes refer to, as on the command line
SETTINGS = ("IMAGE_SIZE", "NETWORK", "BATCH_SIZE", "EPOCHS", "LEARNING_RATE")


@pytest.fixture
def photos(tmp_path):
    """Two classes of 20 images of 45 x 61 pixels; one is no image."""
    root = tmp_path / "photos"
    for name in ("cat", "dog"):
        (root / name).mkdir(parents=True)
        for i in range(20):
            picture(0).save(root / name / f"{i}.png")
    (root / "cat" / "0.png").write_bytes(b"no image")
    return root


def parse(photos, *params):
    gin_config.parse(["gin/folder.gin"], [f'DATA_DIR="{photos}"', *params])


def values():
    return tuple(gin_config.value(name) for name in SETTINGS)


def test_what_is_chosen_is_bound_and_printed_with_its_reason(photos, capsys):
    """36 to train on: batches of 4 (36 / 5 = 7.2) and 60 epochs of 9 steps."""
    parse(photos)
    automatic.apply_choices()
    assert values() == (32, "photo_cnn", 4, 60, 0.0031)
    out = capsys.readouterr().out.splitlines()
    assert "36 training images of 2 classes, typically 61 x 45" in out[0]
    for name, line in zip(SETTINGS[:2], out[1:3], strict=True):
        assert line.strip().startswith(f"{name}=")
    assert automatic.automatic_names() == []


def test_the_users_value_wins(photos):
    parse(photos, "IMAGE_SIZE=20", "BATCH_SIZE=18", "NETWORK='tiny_cnn'")
    automatic.apply_choices(quiet=True)
    assert values() == (20, "tiny_cnn", 18, 60, 0.014)


def test_a_choice_that_is_not_used_is_not_printed(photos, capsys):
    parse(photos, "ClassifierConfig.network=@small_cnn")
    automatic.apply_choices()
    out = capsys.readouterr().out
    assert "BATCH_SIZE=4" in out and "NETWORK" not in out
    assert "FINETUNE_FROM" not in out
    gin_config.parse(
        ["gin/folder.gin", "gin/methods/finetune.gin"], [f"DATA_DIR='{photos}'"]
    )
    automatic.apply_choices()
    assert "FINETUNE_FROM=50" in capsys.readouterr().out


def test_nothing_is_looked_at_if_nothing_is_to_be_chosen(capsys):
    gin_config.parse(["gin/digits.gin"])
    automatic.apply_choices()
    assert capsys.readouterr().out == ""


def test_other_data_than_files_have_no_choices():
    gin_config.parse(["gin/digits.gin"], ["EPOCHS='auto'"])
    with pytest.raises(InvalidInput, match=r"for EPOCHS .*got the data digits"):
        automatic.apply_choices()


def test_a_run_with_checkpoints_keeps_its_settings(photos, tmp_path):
    """Even if the data are gone: a finished run is not looked at again."""
    run = RunFolder(tmp_path / "run")
    (run / "checkpoints").mkdir(parents=True)
    parse(photos, "IMAGE_SIZE=24", "EPOCHS=7")
    automatic.apply_choices(quiet=True)
    (run / "config.gin").write_text(gin_config.config_string())
    parse(photos / "gone")
    with pytest.raises(InvalidInput, match="no such data folder"):
        automatic.apply_choices(run)
    (run / "checkpoints" / "ckpt-1.index").write_bytes(b"")
    automatic.apply_choices(run)
    assert gin_config.value("EPOCHS") == 7
    assert gin_config.value("IMAGE_SIZE") == 24


@pytest.mark.parametrize(
    "text", ["EPOCHS = __import__('os')", "EPOCHS = -3", "", "EPOCHS = 'x'"]
)
def test_the_saved_settings_of_others_are_data(photos, tmp_path, text):
    run = RunFolder(tmp_path / "run")
    (run / "checkpoints").mkdir(parents=True)
    (run / "checkpoints" / "ckpt-1.index").write_bytes(b"")
    others = [n for n in automatic.RULES if n != "EPOCHS"]
    parse(photos)
    automatic.apply_choices(quiet=True)
    lines = [f"{n} = {gin_config.value(n)!r}" for n in others]
    (run / "config.gin").write_text("\n".join([*lines, text]))
    parse(photos)
    if "3" in text or "x" in text:
        with pytest.raises(InvalidInput, match="EPOCHS must be"):
            automatic.apply_choices(run)
    else:
        automatic.apply_choices(run)
        assert gin_config.value("EPOCHS") == 60


def test_files_none_of_which_is_an_image(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for i in range(10):
            (tmp_path / name / f"{i}.jpg").write_bytes(b"no image")
    parse(tmp_path)
    with pytest.raises(InvalidInput, match="none of 18 images can be read"):
        automatic.apply_choices()
