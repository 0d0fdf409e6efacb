"""Where gin files are found."""

import pytest

from fsr_gdw_tf.experiments import gin_config


@pytest.fixture(autouse=True)
def clean_gin():
    yield
    gin_config.gin.clear_config()


def test_included_names_are_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gin_config.parse(["gin/digits.gin"])
    assert gin_config.value("NOISE") == 0.4


def test_the_current_folder_comes_first(tmp_path, monkeypatch):
    (tmp_path / "gin").mkdir()
    text = "include 'gin/base.gin'\nEPOCHS = 7\n"
    (tmp_path / "gin" / "digits.gin").write_text(text)
    monkeypatch.chdir(tmp_path)
    gin_config.parse(["gin/digits.gin"])
    assert gin_config.value("EPOCHS") == 7
