"""Print tables on the terminal."""

from rich.console import Console
from rich.table import Table


def print_table(title: str, rows: list[dict], digits: str = "") -> None:
    """Print rows as a table; `digits` formats floats, such as ".3f"."""
    table = Table(title=title)
    for name, value in rows[0].items():
        justify = "left" if isinstance(value, str) else "right"
        first = not table.columns  # names, which a wrap would hide
        table.add_column(name, justify=justify, no_wrap=first)
    for row in rows:
        table.add_row(*(_cell(value, digits) for value in row.values()))
    # Rich would turn a name such as :cat: into an emoji.
    Console(emoji=False).print(table)


def _cell(value: float | str | None, digits: str) -> str:
    if value is None:
        return "-"
    return format(value, digits) if isinstance(value, float) else str(value)
