"""Texts in CSV files that no spreadsheet program takes for a formula.

File names, labels and class names come from data, and `=HYPERLINK(...)` is a
valid file name. An apostrophe before such a text makes it plain text to
spreadsheet programs; the readers of this package take it away again.
"""

import math
import re

import pyarrow as pa
import pyarrow.compute as pc

# The beginnings of formulas. Apostrophes before one are counted: a name that
# has some already gets one more, and so is read back unchanged.
FORMULA = r"^'*[=+\-@\t\r\n]"
NEUTRALISED = re.compile(r"'+[=+\-@\t\r\n]")


def neutralise(value: object) -> object:
    """Return a cell with an apostrophe if it is a text like a formula.

    Numbers are returned as they are, and so are texts of numbers.
    """
    if not isinstance(value, str) or not re.match(FORMULA, value):
        return value
    return value if _is_number(value) else f"'{value}"


def restore(text: str) -> str:
    """Return the text that `neutralise` was given."""
    return text[1:] if NEUTRALISED.match(text) else text


def neutralise_table(table: pa.Table) -> pa.Table:
    """Return a table with its columns of texts neutralised."""
    for i, field in enumerate(table.schema):
        column = table[i]
        if not pa.types.is_string(field.type):
            continue
        if pc.any(pc.match_substring_regex(column, FORMULA)).as_py():
            texts = [neutralise(text) for text in column.to_pylist()]
            column = pa.array(texts, pa.string())
            table = table.set_column(i, field.name, column)
    return table


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text)) and text == text.strip()
    except ValueError:
        return False
