"""The page of a label report in a browser: what it does, and how it looks."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from test_report_page import CLASSES, HOSTILE, MATRIX, content

from fsr_gdw_tf.label_report.page import write_page

HOW = "needs a browser: pip install -e .[dev] && playwright install chromium"
sync_api = pytest.importorskip("playwright.sync_api", reason=HOW)
pytestmark = pytest.mark.browser

FILES = ("label_issues", "class_summary", "noise_matrix", "verify_me")
WIDE, PHONE = 1280, 390


@pytest.fixture(scope="module")
def browser():
    """Playwright's own browser, or one that is installed."""
    with sync_api.sync_playwright() as playwright:
        path = playwright.chromium.executable_path
        known = (path, "chromium", "chromium-browser", "google-chrome")
        found = next(filter(None, map(shutil.which, known)), None)
        if found is None:
            pytest.skip(HOW)
        browser = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox"]
        )
        yield browser
        browser.close()


@pytest.fixture
def view(browser, tmp_path):
    """Open a page from its file; nothing may go wrong until it is closed."""
    opened, wrong, asked = [], [], []

    def run(given=None, width=WIDE, height=900, scheme="light"):
        file = write(tmp_path / "report", given or content())
        page = browser.new_page(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(file.as_uri())
        opened.append(page)
        return page

    yield run
    for page in opened:
        page.close()
    assert wrong == []
    files = {url for url in asked if not url.startswith("data:")}
    assert files == {(tmp_path / "report" / "index.html").as_uri()}


def write(folder: Path, given) -> Path:
    """A page among the lists that a report has."""
    write_page(folder / "index.html", given)
    for name in FILES[: 3 if given.records.true is not None else 4]:
        (folder / f"{name}.csv").write_text("")
    return folder / "index.html"


def cards(page) -> list[int]:
    """The examples that are shown, in their order."""
    found = page.locator("#gallery .card")
    return found.evaluate_all("all => all.map(c => Number(c.dataset.index))")


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


# ---- the file


def test_links_lead_to_files_that_are_there(view, tmp_path):
    page = view(content(true=None))
    links = page.locator("a[href$='.csv']")
    found = set(links.evaluate_all("all => all.map(a => a.href)"))
    folder = tmp_path / "report"
    assert found == {(folder / f"{name}.csv").as_uri() for name in FILES}
    assert all((folder / f"{name}.csv").is_file() for name in FILES)


def test_links_within_the_page_have_an_end(view):
    page = view()
    ends = page.locator("a[href^='#']").evaluate_all(
        "all => all.filter(a => !document.querySelector(a.hash)).length"
    )
    assert ends == 0


def test_hostile_names_are_shown_as_they_are(view):
    classes = [
        {**row, "class": name}
        for row, name in zip(CLASSES, HOSTILE, strict=True)
    ]
    names = [f"{HOSTILE[i % 3]}{i}" for i in range(10)]
    page = view(content(classes=classes, names=names, title=HOSTILE[0]))
    dialogs = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    assert page.locator("h1").text_content() == HOSTILE[0]
    assert page.locator(".change .given").nth(1).text_content() == HOSTILE[0]
    assert page.locator("#gallery script, #gallery img[src=x]").count() == 0
    assert dialogs == []


# ---- the gallery


def test_the_most_suspicious_label_comes_first(view):
    page = view()
    assert cards(page) == [8, 0, 1, 4, 5]
    assert page.locator("#count").inner_text() == "5 labels match"


def test_a_card_says_what_is_suspected_and_why(view):
    words = view().locator(".card").first.inner_text()
    assert words.split("\n")[0] == "eel"
    for said in ("dog", "score 0.99", "1st of 2 labelled eel"):
        assert said in words
    for said in ("because of 8", "c8", "known to be dog", "trusted: eel"):
        assert said in words


def test_a_card_says_when_a_suspicion_is_known_to_be_wrong(view):
    words = view().locator(".card[data-index='5']").inner_text()
    assert "known: the label is right" in words


def test_a_card_does_not_speak_of_a_truth_that_is_not_known(view):
    assert (
        "known" not in view(content(true=None)).locator("#gallery").inner_text()
    )


def test_a_card_shows_the_label_beside_trusted_ones(view):
    card = view().locator(".card").nth(1)  # a cat, perhaps a dog
    shown = card.locator("img").evaluate_all("all => all.map(i => i.alt)")
    assert shown == [
        "a0, labelled cat",
        *["trusted example of cat"] * 2,
        *["trusted example of dog"] * 2,
    ]


def test_small_pictures_are_enlarged_without_blur(view):
    picture = view().locator(".shot img").first
    assert picture.evaluate("i => i.naturalWidth") == 8
    look = picture.evaluate("i => getComputedStyle(i).imageRendering")
    assert look == "pixelated"


def test_names_stand_where_there_are_no_pictures(view):
    page = view(content(images=lambda indices: [None] * len(indices)))
    assert page.locator("#gallery img").count() == 0
    tiles = page.locator(".shot").all_inner_texts()
    assert tiles == ["c8", "a0", "a1", "b4", "b5"]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("score", [8, 0, 1, 4, 5]),
        ("rank", [8, 0, 4, 1, 5]),
        ("class", [0, 1, 4, 5, 8]),
    ],
)
def test_cards_are_sorted(view, order, expected):
    page = view()
    page.select_option("#sort", order)
    assert cards(page) == expected


@pytest.mark.parametrize(
    ("act", "expected", "count"),
    [
        (lambda p: p.select_option("#given", "0"), [0, 1], "2 labels match"),
        (lambda p: p.select_option("#suggested", "1"), [8, 0, 1], "3 labels"),
        (lambda p: p.fill("#text", " B"), [4, 5], "2 labels match"),
        (lambda p: p.fill("#minimum", "0.92"), [8, 0, 1], "3 labels match"),
        (lambda p: p.check("#tail"), [8], "1 label matches"),
    ],
    ids=["given", "suggested", "name", "score", "tail"],
)
def test_cards_are_filtered(view, act, expected, count):
    page = view()
    act(page)
    assert cards(page) == expected
    assert page.locator("#count").inner_text().startswith(count)


def test_filters_hold_together_and_are_cleared_together(view):
    page = view()
    page.select_option("#given", "1")
    page.fill("#minimum", "0.7")
    assert cards(page) == [4]
    page.fill("#text", "a")
    assert cards(page) == []
    assert page.locator("#nothing").is_visible()
    assert "Nothing matches" in page.locator("#nothing").inner_text()
    page.click("#clear")
    sync_api.expect(page.locator(".card")).to_have_count(5)
    assert not page.locator("#nothing").is_visible()
    assert page.locator("#minimum-said").inner_text() == "0.00"


def test_choices_say_how_many_labels_there_are(view):
    given = view().locator("#given option").all_inner_texts()
    assert given == ["all", "cat (2)", "dog (2)", "eel (1)"]


def test_without_tail_classes_there_is_no_filter_for_them(view):
    page = view(content(classes=[{**row, "part": "head"} for row in CLASSES]))
    assert not page.locator("#tail").is_visible()


def test_a_confusion_leads_to_its_labels(view):
    page = view()
    page.click("button[data-given='0'][data-suggested='1']")
    assert cards(page) == [0, 1]
    page.click(".heat td[data-given='1'][data-suggested='2']")
    assert cards(page) == [5]


def test_a_class_leads_to_its_labels(view):
    page = view()
    page.click("#class-rows button:has-text('dog')")
    assert cards(page) == [4, 5]


# ---- the table of classes


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


# ---- looks


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
