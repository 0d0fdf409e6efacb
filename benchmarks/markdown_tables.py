"""Tables and lists as Markdown has them."""

import textwrap


def markdown(header: list[str], rows: list[list[str]], note: str = "") -> str:
    """Return a Markdown table, with a paragraph below it if there is a note."""
    head, *lines = (f"| {' | '.join(line)} |" for line in [header, *rows])
    table = "\n".join([head, "|" + "---|" * len(header), *lines])
    return f"{table}\n\n{paragraph(note)}" if note else f"{table}\n"


def paragraph(text: str) -> str:
    """Return a text in lines of 80 columns."""
    return f"{textwrap.fill(text, 80, break_on_hyphens=False)}\n"


def enumerate_words(items: list) -> str:
    """Return "1, 2 and 3"."""
    *most, last = map(str, items)
    return f"{', '.join(most)} and {last}" if most else last
