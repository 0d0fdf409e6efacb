"""Escape names that come from data: for HTML, and for JSON inside HTML."""

import html
import json

MAX_NAME = 160  # characters of a name that are shown


def to_json(data: dict) -> str:
    """Return JSON that is safe inside a script element."""
    text = json.dumps(
        data, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    )
    text = valid_utf8(text)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def escape(value: object) -> str:
    """Return text that is safe inside HTML."""
    return html.escape(valid_utf8(str(value)))


def valid_utf8(text: str) -> str:
    """Return the text with undecodable bytes of file names as '?'."""
    return text.encode("utf-8", "replace").decode("utf-8")


def name_html(value: object) -> str:
    """Return an escaped name; bdi isolates names written right to left."""
    return f"<bdi>{escape(shorten(value))}</bdi>"


def shorten(name: object) -> str:
    """Return a name without its beginning if it is too long to be shown."""
    name = str(name)
    return name if len(name) <= MAX_NAME else "…" + name[1 - MAX_NAME :]
