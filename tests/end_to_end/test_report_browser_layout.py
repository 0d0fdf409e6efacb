"""The label report in a browser: classes, widths, colours and access."""

import numpy as np
import pytest
from support.browser import PHONE, WIDE, write
from support.report_page import CLASSES, MATRIX, content

pytestmark = pytest.mark.browser


def class_names(page) -> list[str]:
    """The classes in the table, in their order."""
    return page.locator("#class-rows td.name").all_inner_texts()


def overflow(page) -> int:
    """How many pixels the page is wider than its window."""
    return page.evaluate(
        "document.documentElement.scrollWidth - window.innerWidth"
    )


def of_classes(count: int):
    """Ten labels, of three classes among many."""
    classes = [{**CLASSES[0], "class": f"c{i}"} for i in range(count)]
    matrix = np.zeros((count, count), np.int64)
    matrix[:3, :3] = MATRIX
    return content(classes=classes, matrix=matrix)


@pytest.mark.parametrize(
    ("key", "first", "second"),
    [
        ("name", ["cat", "dog", "eel"], ["eel", "dog", "cat"]),
        ("n", ["cat", "dog", "eel"], ["eel", "cat", "dog"]),
        ("mean_weight", ["dog", "cat", "eel"], ["eel", "cat", "dog"]),
        ("recall", ["cat", "eel", "dog"], ["eel", "cat", "dog"]),
    ],
)
def test_classes_are_sorted_and_what_is_not_known_comes_last(
    view, key, first, second
):
    page = view()
    assert class_names(page) == ["eel", "cat", "dog"]  # the most noise first
    page.click(f"th[data-key={key}] button")
    assert class_names(page) == first
    page.click(f"th[data-key={key}] button")
    assert class_names(page) == second


def test_a_class_keeps_its_numbers_when_the_table_becomes_sortable(view):
    row = view().locator("#class-rows tr").first.locator("td")
    assert [" ".join(cell.split()) for cell in row.all_inner_texts()] == [
        "eel",
        "tail",
        "2",
        "51.5%",
        "9.8% to 91.4%",
        "1",
        "0.18",
        "50.0%",
    ]


def test_many_classes_are_shown_by_and_by_and_can_be_found(view):
    page = view(of_classes(120))
    assert len(class_names(page)) == 100
    page.click("#more-classes")
    assert len(class_names(page)) == 120
    page.fill("#class-text", "C11")
    assert class_names(page) == ["c11", *(f"c{i}" for i in range(110, 120))]


@pytest.mark.parametrize("width", [PHONE, WIDE])
def test_the_page_is_not_wider_than_its_window(view, width):
    long = [{**row, "class": 60 * row["class"]} for row in CLASSES]
    assert overflow(view(width=width)) == 0
    assert overflow(view(content(classes=long), width=width)) == 0
    assert overflow(view(of_classes(30), width=width)) == 0


def test_a_phone_has_one_column_of_cards(view):
    boxes = view(width=PHONE).locator(".card")
    left = boxes.evaluate_all(
        "all => all.map(c => c.getBoundingClientRect().x)"
    )
    assert len(set(left)) == 1


def test_dark_mode_turns_page_and_text_around(view):
    looks = []
    for scheme in ("light", "dark"):
        page = view(scheme=scheme)
        for part in ("body", ".plots text"):
            what = "color" if part != "body" else "backgroundColor"
            looks.append(
                page.locator(part).first.evaluate(
                    f"e => getComputedStyle(e)['{what}']"
                )
            )
    assert looks[:2] == ["rgb(246, 246, 244)", "rgb(28, 30, 34)"]
    assert looks[2:] == ["rgb(18, 20, 23)", "rgb(233, 235, 238)"]


def test_every_control_has_a_name(view):
    page = view()
    unnamed = page.locator("button, select, input").evaluate_all(
        "all => all.filter(e => !(e.labels?.length || e.innerText))"
        ".map(e => e.outerHTML)"
    )
    assert unnamed == []
    assert page.locator("img:not([alt]), img[alt='']").count() == 0


def test_without_scripts_header_plots_and_tables_are_there(browser, tmp_path):
    file = write(tmp_path, content())
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(file.as_uri())
    words = page.locator("body").inner_text()
    for said in ("pets", "94.8%", "51.5%", "need JavaScript", "25.0%"):
        assert said in words
    assert page.locator("svg").count() == 4
    assert not page.locator("#filters").is_visible()
    context.close()
