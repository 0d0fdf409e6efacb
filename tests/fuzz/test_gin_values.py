"""Whatever stands in a gin file: it is parsed, or refused in one line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fuzzing import HARD, folder, refused, texts, values
from support.paths import ROOT

from fsr_gdw_tf.experiments import gin_config, settings

NAMES = st.sampled_from(sorted(settings.RULES))
WORDS = ["@Supervised()", "@a/b/GDW", "%EPOCHS", "%NONE", "@", "%", "import os"]
WORDS += ["include 'gin/base.gin'", "\\\n", "\n", " = ", "EPOCHS", "GDW.cap"]
snippets = st.lists(st.sampled_from([*WORDS, *HARD]), max_size=8).map("".join)
written = st.one_of(values.map(repr), texts, snippets)
BASE = (ROOT / "gin" / "base.gin").read_text()


@pytest.fixture(autouse=True)
def clean_gin():
    yield
    gin_config.gin.clear_config()


@given(NAMES, values.map(repr))
def test_a_setting_holds_what_its_rule_allows(name, text):
    _, no = refused(gin_config.parse, ["gin/digits.gin"], [f"{name}={text}"])
    if no:
        return
    value = gin_config.value(name)
    rule = settings.RULES[name]
    assert value in rule.others or rule.is_kind(value)


@given(written)
def test_a_binding(text):
    refused(gin_config.parse, ["gin/digits.gin"], [text])


@given(NAMES, written)
def test_a_setting_of_any_text(name, text):
    refused(gin_config.parse, ["gin/digits.gin"], [f"{name}={text}"])


@given(st.integers(0, len(BASE)), written)
def test_a_gin_file_with_another_text_somewhere(place, text):
    with folder() as path:
        file = path / "file.gin"
        file.write_text(BASE[:place] + text + BASE[place:], encoding="utf-8")
        refused(gin_config.parse, [str(file)])


@given(st.binary() | written.map(str.encode))
def test_the_configuration_of_a_run(content):
    with folder() as path:
        file = path / "config.gin"
        file.write_bytes(content)
        refused(gin_config.parse_saved, file)
