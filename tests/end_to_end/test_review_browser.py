"""Decisions on labels in a browser, with a server and without one."""

import re

import pytest
from support.browser import HOW, PHONE, WIDE, cards
from support.report_page import CLASSES, HOSTILE, content
from support.review import ask, post, serving

from fsr_gdw_tf.io.run_folder import RunFolder
from fsr_gdw_tf.label_report.decisions import read_decisions
from fsr_gdw_tf.label_review.review import server_of

sync_api = pytest.importorskip("playwright.sync_api", reason=HOW)
pytestmark = pytest.mark.browser
expect = sync_api.expect
KEPT, DOG_EEL = "8,c8,eel,eel,keep", "0,a0,cat,dog,relabel"


@pytest.fixture
def served(browser, tmp_path):
    """Return a function that serves a page and opens it; errors fail."""
    opened, wrong, servers = [], [], []

    def run(given=None, width=WIDE, address=None):
        if address is None:
            folder = RunFolder(tmp_path / "run")
            server = serving(server_of(folder, given or content(true=None)))
            servers.append(server)
            run.server = server.__enter__()
            address = f"{run.server.address}#review"
        page = browser.new_page(viewport={"width": width, "height": 800})
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: wrong.append(dialog.message))
        page.goto(address)
        opened.append(page)
        expect(page.locator("#review")).to_be_visible()
        return page

    run.wrong = wrong
    yield run
    for page in opened:
        page.close()
    for server in servers:
        server.__exit__(None, None, None)
    assert wrong == []


@pytest.fixture
def saved(tmp_path):
    """Return a function that reads the lines of decisions.csv."""
    file = tmp_path / "run" / "report" / "decisions.csv"
    return lambda: file.read_text().splitlines()[1:]


def progress(page, text):
    expect(page.locator("#progress-said")).to_have_text(text)


def press(page, *keys):
    """Press keys, as fast as nobody does."""
    for key in keys:
        page.keyboard.press(key)


def title(page) -> str:
    return page.locator("#review-title").inner_text()


def test_labels_are_decided_with_the_keyboard_alone(served, saved):
    page = served()
    assert title(page) == "1 of 5: c8"
    press(page, "k", "r", "d")
    progress(page, "3 of 5 decided")
    assert title(page) == "4 of 5: b4"
    press(page, "c")
    expect(page.locator("#other-name")).to_be_focused()
    page.keyboard.type("ee")
    press(page, "Enter")
    progress(page, "4 of 5 decided")
    status = page.locator("#review-status")
    expect(status).to_have_text(
        "Changed b4: 4 of 5 decided. Now b5, labelled dog, perhaps eel."
    )
    press(page, "k")
    expect(status).to_contain_text("All labels of this list are decided.")
    decisions = [
        *(KEPT, DOG_EEL, "1,a1,cat,,drop"),
        *("4,b4,dog,eel,relabel", "5,b5,dog,dog,keep"),
    ]
    assert saved() == decisions
    press(page, "u", "u")
    progress(page, "3 of 5 decided")
    assert saved() == [*decisions, "5,b5,dog,,undo", "4,b4,dog,,undo"]
    assert title(page) == "4 of 5: b4"


def test_labels_are_decided_with_buttons_alone(served, saved):
    page = served()
    for name in ("Keep eel", "Relabel as dog", "Drop", "Undo", "Skip"):
        page.get_by_role("dialog").get_by_role("button", name=name).click()
    page.click("#another")
    page.locator("#other-list li", has_text="eel").click()
    progress(page, "3 of 5 decided")
    assert saved() == [
        *(KEPT, DOG_EEL, "1,a1,cat,,drop", "1,a1,cat,,undo"),
        "4,b4,dog,eel,relabel",
    ]
    page.click("#review-close")
    card = page.locator(".card[data-index='5']")
    card.get_by_role("button", name="Drop b5, labelled dog").click()
    expect(card.locator(".decision")).to_have_text("✗ dropped")
    expect(page.locator("#wrong-said")).to_have_text(
        "3 of 4 decided labels are wrong."
    )
    page.click("#estimate summary")
    row = page.locator("#estimate-rows tr").last  # all labels
    assert row.locator("td").all_inner_texts()[:2] == ["all", "4 of 10"]
    # Two of three above 0.9 are wrong: Wilson's interval, 0.2077 to 0.9385.
    row = page.locator("#estimate-rows tr", has_text="0.9 to 1")
    cells = row.locator("td").all_inner_texts()
    assert cells[:3] == ["0.9 to 1", "3 of 4", "66.7%"]
    assert cells[3].startswith("20.8% to 93.")


def test_the_other_class_is_found_by_typing(served, saved):
    page = served()
    press(page, "c")
    options = page.locator("#other-list li")
    expect(options).to_have_text(["cat", "dog", "eel"])
    page.keyboard.type("o")  # within a name, when none begins with it
    expect(options).to_have_text(["dog"])
    page.keyboard.type("x")
    expect(page.locator("#other-none")).to_be_visible()
    press(page, "Enter", "Escape")
    expect(page.locator("#other-name")).not_to_be_visible()
    assert saved() == [] and title(page) == "1 of 5: c8"
    press(page, "c", "ArrowDown", "Enter")
    progress(page, "1 of 5 decided")
    assert saved() == ["8,c8,eel,dog,relabel"]
    press(page, "Escape")
    expect(page.locator("#review")).not_to_be_visible()


def test_a_new_page_and_another_tab_know_the_decisions(served):
    page = served()
    press(page, "k", "r")
    progress(page, "2 of 5 decided")
    other = served(address=f"{served.server.address}#review")
    progress(other, "2 of 5 decided")
    assert title(other) == "3 of 5: a1"
    assert post(served.server, [5, 2])[0] == 200  # as a third one does
    press(other, "d")
    progress(other, "4 of 5 decided")
    press(page, "k")  # the same label as in the other tab: the last one counts
    progress(page, "4 of 5 decided")
    text = ask(served.server, "GET", "decisions/0")[2].decode()
    assert re.search(r"\[\[0, 1\], \[1, 0\], \[5, 2\], \[8, 2\]\]", text)


def test_a_server_that_is_gone_is_told_and_no_decision_seems_made(
    served, saved
):
    page = served()
    press(page, "k")
    progress(page, "1 of 5 decided")
    page.context.set_offline(True)
    press(page, "r", "d", "d")
    failed = page.locator("#review-failed")
    expect(failed).to_contain_text("not saved: the server does not answer")
    expect(failed).to_have_role("alert")
    progress(page, "1 of 5 decided")
    assert title(page) == "2 of 5: a0" and saved() == [KEPT]
    page.context.set_offline(False)
    press(page, "r")
    progress(page, "2 of 5 decided")
    expect(failed).not_to_be_visible()
    assert saved() == [KEPT, DOG_EEL]
    served.wrong.clear()  # the browser's own lines about the connection


def test_alike_labels_are_decided_at_once_and_taken_back_at_once(served, saved):
    page = served()
    press(page, "ArrowRight")
    assert page.locator("#alike").inner_text().startswith("All 2 alike")
    press(page, "a")
    expect(page.locator("#review")).not_to_be_visible()
    assert cards(page) == [0, 1]
    group = page.get_by_role("group")
    expect(group).to_contain_text(
        "2 matching labels are undecided: cat or dog?"
    )
    group.get_by_role("button", name="Relabel all as dog").click()
    progress(page, "2 of 5 decided")
    assert saved() == [DOG_EEL, "1,a1,cat,dog,relabel"]
    expect(group.get_by_role("button", name="Drop all")).to_be_disabled()
    page.click("#undo")
    progress(page, "0 of 5 decided")
    assert len(saved()) == 4


def test_decided_labels_can_be_left_out(served):
    page = served()
    press(page, "k", "d", "Escape")
    progress(page, "2 of 5 decided")
    page.select_option("#decision", "undecided")
    assert cards(page) == [1, 4, 5]
    page.select_option("#decision", "keep")
    assert cards(page) == [8]
    page.select_option("#decision", "")
    page.select_option("#list", "sample")
    assert sorted(cards(page)) == list(range(10))
    page.select_option("#sort", "random")
    assert cards(page) != list(range(10)) and len(cards(page)) == 10


def test_the_image_is_whole_and_is_enlarged(served):
    page = served()
    image = page.locator("#stage img")
    expect(image).to_have_js_property("naturalWidth", 8)
    width = image.bounding_box()["width"]
    press(page, "z")
    expect(page.locator("#zoom")).to_have_attribute("aria-pressed", "true")
    assert image.bounding_box()["width"] == pytest.approx(3 * width, rel=0.01)
    image.click(position={"x": 9, "y": 9})
    expect(page.locator("#zoom")).to_have_attribute("aria-pressed", "false")


def test_hostile_names_are_only_shown(served):
    classes = [
        {**row, "class": name}
        for row, name in zip(CLASSES, HOSTILE, strict=True)
    ]
    names = [f"{HOSTILE[i % 3]}{i}" for i in range(10)]
    page = served(content(true=None, classes=classes, names=names))
    assert title(page).startswith("1 of 5: \u202e")
    press(page, "c")
    assert page.locator("#other-list bdi").all_text_contents()[0] in HOSTILE
    press(page, "Enter", "d")
    progress(page, "2 of 5 decided")
    inserted = "#review script, #review img[src=x], #review bdi *"
    assert page.locator(inserted).count() == 0


def test_a_phone_has_room_for_the_image_and_every_button(served):
    page = served(width=PHONE)
    overflow = "e => e.scrollWidth - e.clientWidth"
    assert page.locator("#review").evaluate(overflow) <= 0
    assert page.locator("#stage").bounding_box()["height"] >= 120
    for box in page.locator("#review .commands button").all():
        if box.is_visible():
            place = box.bounding_box()
            assert place["height"] >= 44 and place["y"] + 44 <= 800
    press(page, "r")
    progress(page, "1 of 5 decided")


def test_controls_have_names_and_decisions_are_said_without_colour(served):
    page = served()
    press(page, "k", "Escape")
    unnamed = page.locator("button, select, input, progress").evaluate_all(
        "all => all.filter(e => !(e.labels?.length || e.textContent.trim() "
        "|| e.ariaLabelledByElements?.length)).map(e => e.outerHTML)"
    )
    assert unnamed == []
    said = page.locator(".card[data-index='8'] .decision")
    expect(said).to_have_text("✓ kept")
    expect(page.get_by_role("progressbar")).to_have_js_property("value", 1)


def test_without_a_server_the_browser_keeps_and_gives_the_decisions(
    view, tmp_path
):
    names = ['=1+"1"', "a,1", *(f"{'long' * 60}{i}" for i in range(2, 10))]
    shown = content(true=None, names=names)
    page = view(shown)
    page.click("#start")
    press(page, "k", "r", "d", "c")
    page.keyboard.type("eel")
    press(page, "Enter", "Escape")
    progress(page, "4 of 5 decided")
    page.reload()
    progress(page, "4 of 5 decided")
    with page.expect_download() as download:
        page.click("#download")
    file = tmp_path / "downloaded.csv"
    download.value.save_as(file)
    assert '\n0,"\'=1+""1""",cat,dog,relabel\n' in file.read_text()
    found = read_decisions(file, shown.records)
    assert found.tolist() == [1, -1, -2, -2, 2, -2, -2, -2, 2, -2]
