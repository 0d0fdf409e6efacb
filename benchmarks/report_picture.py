"""Take the picture of a label report that the README shows.

    python -m fsr_gdw_tf.main --mode=train --run_dir=runs/picture \
        --gin_file=gin/digits.gin --gin_file=gin/methods/default.gin
    python benchmarks/report_picture.py runs/picture

The page is opened in headless Chromium, through Playwright: its own, or one
that is installed.
"""

import io
import shutil
from pathlib import Path

from absl import app, flags
from environment import ROOT
from PIL import Image

from fsr_gdw_tf.command_line import exit_with_error, parse_flags
from fsr_gdw_tf.errors import InvalidInput

FLAGS = flags.FLAGS
flags.DEFINE_string(
    "out", str(ROOT / "docs" / "figures" / "report.png"), "The PNG file."
)
WIDTH, HEIGHT = 1000, 620
SCROLL = """
const list = document.querySelector("#gallery").closest("section");
const top = list.querySelector("h2").getBoundingClientRect().top - 24;
scrollTo({top, behavior: "instant"});
"""
COLOURS = 64  # of the file: a fraction of its size, and no visible difference
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def take(page: Path) -> Image.Image:
    """Return what a window shows of a page that begins with its list."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise InvalidInput(
            "no Playwright: pip install playwright, and a Chromium"
        ) from error
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        path = next(filter(None, map(shutil.which, (own, *BROWSERS))), None)
        if path is None:
            raise InvalidInput("no Chromium: playwright install chromium")
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox"]
        )
        size = {"width": WIDTH, "height": HEIGHT}
        tab = browser.new_page(viewport=size, color_scheme="light")
        tab.goto(page.resolve().as_uri())
        tab.evaluate(f"() => {{{SCROLL}}}")
        picture = tab.screenshot()
        browser.close()
    return Image.open(io.BytesIO(picture))


def main(argv: list[str]) -> None:
    """Write the picture of the report of a run folder."""
    try:
        if len(argv) != 2:
            raise InvalidInput("expected one run folder, such as runs/picture")
        page = Path(argv[1], "report", "index.html")
        if not page.is_file():
            raise InvalidInput(
                f"{page} does not exist; python -m fsr_gdw_tf.report {argv[1]}"
            )
        picture = take(page).convert("RGB").quantize(COLOURS)
        picture.save(FLAGS.out, optimize=True)
    except InvalidInput as error:
        exit_with_error(error)
    print(f"Picture: {FLAGS.out}")


if __name__ == "__main__":
    app.run(main, flags_parser=parse_flags)
