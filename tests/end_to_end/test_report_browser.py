"""The label report in a browser: links, cards, filters."""

import pytest
from support.browser import FILES, HOW, cards
from support.report_page import CLASSES, HOSTILE, content

sync_api = pytest.importorskip("playwright.sync_api", reason=HOW)
pytestmark = pytest.mark.browser


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
