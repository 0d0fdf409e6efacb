"""Fixtures of the end-to-end tests."""

import shutil

import pytest
from support.browser import HOW, WIDE, write
from support.report_page import content

from fsr_gdw_tf.experiments import gin_config


@pytest.fixture(autouse=True)
def clean_gin():
    yield
    gin_config.gin.clear_config()


@pytest.fixture(scope="module")
def browser():
    """Start Playwright's own browser, or one that is installed."""
    sync_api = pytest.importorskip("playwright.sync_api", reason=HOW)
    with sync_api.sync_playwright() as playwright:
        path = playwright.chromium.executable_path
        paths = (path, "chromium", "chromium-browser", "google-chrome")
        path = next(filter(None, map(shutil.which, paths)), None)
        if path is None:
            pytest.skip(HOW)
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox"]
        )
        yield browser
        browser.close()


@pytest.fixture
def view(browser, tmp_path):
    """Return a function that opens a page; errors fail the test."""
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
