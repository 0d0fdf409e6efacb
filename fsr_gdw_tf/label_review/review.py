"""Review the labels of a run in a browser on this machine."""

import os
import shlex
import sys
import threading
import webbrowser
from collections.abc import Callable, Mapping

from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.distribution.hosts import print_on_chief
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.io.files import require_inside
from fsr_gdw_tf.io.run_folder import RunFolder
from fsr_gdw_tf.label_report.build import page_content
from fsr_gdw_tf.label_report.decisions import FILE_NAME, count_decisions
from fsr_gdw_tf.label_report.gallery import (
    SUSPECTED_PIXELS,
    encode_thumbnail,
    encode_whole,
)
from fsr_gdw_tf.label_report.page import Content, render_served
from fsr_gdw_tf.label_review.server import JSON, Answer, ReviewServer
from fsr_gdw_tf.label_review.session import Session

HTML, CSV = "text/html; charset=utf-8", "text/csv; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
TABLES = (
    *("label_issues.csv", "class_summary.csv", "noise_matrix.csv"),
    *("verify_me.csv", FILE_NAME),
)


def review(
    folder: RunFolder,
    reload: Callable[[], Source],
    images_folder: str | None = None,
    port: int = 0,
    open_browser: bool = True,
) -> None:
    """Serve the report of a run with decisions, until Ctrl-C.

    reload, images_folder: see `build_report`.
    port: where the server listens; 0 for a free one.
    """
    server = review_server(folder, reload, images_folder, port)
    address = f"{server.address}#review"
    print_on_chief(f"Review: {address}")
    print_on_chief(
        f"Decisions: {server.session.path.resolve()}\nCtrl-C ends the review."
    )
    if open_browser and _has_display():
        threading.Thread(
            target=webbrowser.open, args=(address,), daemon=True
        ).start()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        _print_end(folder, server.session)
    finally:
        server.server_close()


def review_server(
    folder: RunFolder,
    reload: Callable[[], Source],
    images_folder: str | None = None,
    port: int = 0,
) -> ReviewServer:
    """Return a server of the review, which listens but does not answer yet."""
    content = page_content(folder, reload, images_folder)
    content.images(content.issues.order[:1].tolist())  # or else --images helps
    return server_of(folder, content, port)


def server_of(
    folder: RunFolder, content: Content, port: int = 0
) -> ReviewServer:
    """Return a server of what the page of a run shows."""
    report = require_inside(folder.path, folder / "report")
    path = require_inside(folder.path, report / FILE_NAME)
    session = Session(content.records, content.issues, path)
    page, rows = (text.encode("utf-8") for text in render_served(content))
    pages = {
        "": lambda: Answer(page, HTML),
        "rows.json": lambda: Answer(rows, JSON),
    }
    for name in TABLES:
        pages[name] = _table(folder, name)
    try:
        return ReviewServer(session, pages, _examples(content), port)
    except OSError as error:
        raise InvalidInput(
            f"--port={port} cannot be used ({error}); choose another, or omit "
            "it for a free one"
        ) from error


def _table(folder: RunFolder, name: str) -> Callable[[], Answer]:
    """Return a function that reads a CSV file of the report."""

    def read() -> Answer:
        path = require_inside(folder.path, folder / "report" / name)
        if not path.is_file():
            raise InvalidInput(f"there is no {name}; build the report again")
        return Answer(path.read_bytes(), CSV)

    return read


def _examples(content: Content) -> Mapping[str, Callable[[int], Answer]]:
    """Return functions from the index of an example to what is asked of it."""
    lock = threading.Lock()  # readers of images need not be thread-safe

    def image(index: int):
        with lock:
            array = content.images([index])[0]
        if array is None:
            raise InvalidInput(f"example {index} is no image")
        return array

    def thumbnail(index: int) -> Answer:
        kind, body = encode_thumbnail(image(index), SUSPECTED_PIXELS)
        return Answer(body, kind, cached=True)

    def whole(index: int) -> Answer:
        kind, body = encode_whole(image(index))
        return Answer(body, kind, cached=True)

    def reason(index: int) -> Answer:
        text = content.reasons(index).encode("utf-8", "replace")
        return Answer(text, TEXT, cached=True)

    return {"thumbnail": thumbnail, "image": whole, "reason": reason}


def _has_display() -> bool:
    """Return whether a browser has a screen; others would fill a terminal."""
    has_screen = any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
    return has_screen or sys.platform in ("darwin", "win32")


def _print_end(folder: RunFolder, session: Session) -> None:
    """Print what was decided, and what to do with it."""
    counts = count_decisions(session.decisions, session.records.given)
    text = ", ".join(f"{n:,} {name}" for name, n in counts.items())
    print_on_chief(f"{session.path}: {text}")
    print_on_chief(
        "To write the list that follows from it: python -m fsr_gdw_tf.report "
        f"{shlex.quote(str(folder.path))} --apply=decisions"
    )
