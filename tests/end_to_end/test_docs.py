"""README and docs/: size, links, commands, and the site's list of pages."""

import importlib.util
import re

import pytest
from support.pages import PAGES, anchors, commands, read, without_code
from support.paths import ROOT

LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")
OTHERS = [ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md")]


def test_the_readme_is_read_in_five_minutes():
    assert len(read("README.md").splitlines()) <= 160


@pytest.mark.parametrize("page", [*PAGES, *OTHERS], ids=lambda p: p.name)
def test_links_lead_to_files_and_headings_that_are_there(page):
    for name, anchor in LINK.findall(without_code(page)):
        if name.startswith(("http://", "https://", "mailto:")):
            continue
        target = page.parent / name if name else page
        assert target.is_file(), f"{page.name}: {name}"
        if anchor:
            assert anchor in anchors(target), f"{page.name}: {name}#{anchor}"


def test_a_link_that_leads_nowhere_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A b: c\n[one](none.md), [two](page.md#a-b-c) `[x](y)`\n")
    found = LINK.findall(without_code(page))
    assert found == [("none.md", ""), ("page.md", "a-b-c")]
    assert anchors(page) == {"a-b-c"}


def test_the_site_has_every_page_once():
    nav = re.search(r"^nav:\n(.*?)^\w", read("mkdocs.yml"), re.M | re.S)[1]
    listed = re.findall(r": (\S+\.md)$", nav, re.MULTILINE)
    pages = [p.relative_to(ROOT / "docs").as_posix() for p in PAGES[1:]]
    assert sorted(listed) == sorted(pages)


def test_commands_have_flags_settings_and_files_that_exist():
    settings = set()
    for path in ROOT.glob("gin/**/*.gin"):
        settings |= set(re.findall(r"^([A-Z_0-9]+) = ", path.read_text(), re.M))
    seen = 0
    for command in commands():
        module = re.search(r"-m fsr_gdw_tf\.(\w+)", command)
        if module:
            source = read(f"fsr_gdw_tf/{module[1]}.py")
            defined = re.findall(r'flags\.DEFINE_\w+\(\s*"(\w+)"', source)
            used = re.findall(r"(?:^| )--(\w+)", command)
            assert set(used) <= set(defined), command
            seen += 1
        for name in re.findall(r"--gin_param='?([A-Z_0-9]+)=", command):
            assert name in settings, command
        files = r"(?:--gin_file=|python )((?:gin|benchmarks|tests)/\S+)"
        for name in re.findall(files, command):
            assert (ROOT / name).is_file(), command
    assert seen > 8


def test_arguments_in_docstrings_become_a_list():
    pytest.importorskip("griffe", reason="needs pip install -e .[docs]")
    path = ROOT / "docs" / "docstring_lists.py"
    spec = importlib.util.spec_from_file_location("docstring_lists", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = (
        "Weights.\n\nrate: the learning\n    rate.\nlow, high: bounds.\n\nEnd."
    )
    assert module.as_list(text) == (
        "Weights.\n\n* `rate`: the learning rate.\n\n* `low`, `high`: bounds."
        "\n\nEnd."
    )
