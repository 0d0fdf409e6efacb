"""Tables on the terminal."""

from rich.console import Console
from rich.table import Table


def print_table(title: str, rows: list[dict], digits: str = "") -> None:
    """Print rows as a table, numbers on the right and to so many `digits`."""
    table = Table(title=title)
    for name, value in rows[0].items():
        left = isinstance(value, str)
        table.add_column(name, justify="left" if left else "right")
    for row in rows:
        table.add_row(*(_cell(value, digits) for value in row.values()))
    # Of what is between colons rich would make pictures.
    Console(emoji=False).print(table)


def _cell(value, digits: str) -> str:
    if value is None:
        return "-"
    return format(value, digits) if isinstance(value, float) else str(value)
