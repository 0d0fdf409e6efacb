"""Names that come from data cannot break the page."""

import pytest
from support.report_page import CLASSES, HOSTILE, NAMES, Parsed, content

from fsr_gdw_tf.label_report.page import Content, render, write_page


@pytest.fixture
def hostile() -> Content:
    """Names of classes, files and reasons that try to be markup."""
    classes = [
        {**row, "class": name}
        for row, name in zip(CLASSES, HOSTILE, strict=True)
    ]
    names = [f"{HOSTILE[i % 3]}{i}" for i in range(10)]
    return content(
        classes=classes,
        names=names,
        title=HOSTILE[0],
        facts=[(HOSTILE[1], HOSTILE[0]), (HOSTILE[2], HOSTILE[2])],
        reasons=lambda i: HOSTILE[i % 3],
    )


def test_names_cannot_become_markup(hostile):
    page, plain = Parsed(render(hostile)), Parsed(render(content()))
    assert page.tags == plain.tags
    assert page.tags.count("script") == 2


def test_names_arrive_as_they_are(hostile):
    page = Parsed(render(hostile))
    assert not set("<>&") & set(page.scripts[0])
    assert page.data["names"] == list(HOSTILE)
    assert page.data["rows"][0]["name"] == f"{HOSTILE[2]}8"
    assert page.data["rows"][0]["why"] == HOSTILE[2]
    for name in HOSTILE:
        assert " ".join(name.split()) in page.words


def test_a_file_name_that_is_no_text_does_not_stop_the_page(tmp_path):
    names = [f"{name}\udcff.png" for name in NAMES]
    write_page(tmp_path / "index.html", content(names=names))
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert Parsed(text).data["rows"][0]["name"] == "c8?.png"
