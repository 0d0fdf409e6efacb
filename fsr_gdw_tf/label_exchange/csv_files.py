"""CSV files for spreadsheet programs and for cleanlab.

What spreadsheet programs write is read: commas, semicolons or tabs, UTF-8,
UTF-16 or Windows-1252.
"""

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.io.files import atomic_write, one_line_errors, write_csv
from fsr_gdw_tf.io.spreadsheet import restore
from fsr_gdw_tf.label_exchange.answers import LAYOUT, Answer
from fsr_gdw_tf.label_exchange.handover import Handover
from fsr_gdw_tf.label_report.decisions import ANSWER, COLUMNS, TRUE_CLASS

SPREADSHEET = (
    *("index", "name", "given", "suggested", "score", "reasons"),
    *("label", "decision"),
)
# The first four are those of CleanLearning.get_label_issues().
CLEANLAB = (
    *("is_label_issue", "label_quality", "given_label", "predicted_label"),
    *COLUMNS,
)
KNOWN = {*SPREADSHEET, *CLEANLAB, ANSWER, TRUE_CLASS, "file_name"}
SEPARATORS = ",;\t|"
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
AGAIN = "save it again as CSV"


def write_spreadsheet(handover: Handover) -> Path:
    """Write labels.csv to fill in; return its path."""
    path = handover.folder / "labels.csv"
    rows = [{k: row[k] for k in SPREADSHEET} for row in handover.rows]
    write_csv(path, rows, SPREADSHEET)
    # Without this mark, spreadsheet programs read the text as Windows-1252.
    with atomic_write(path) as temporary:
        temporary.write_bytes(codecs.BOM_UTF8 + path.read_bytes())
    return path


def write_cleanlab(handover: Handover) -> Path:
    """Write label_issues.csv: all examples in their order; return its path.

    Issues are the labels that are handed over, but for those decided to be
    right.
    """
    path, records = handover.folder / "label_issues.csv", handover.records
    handed_over = {row["index"]: row for row in handover.rows}
    rows = []
    for index, quality in enumerate(1.0 - handover.scores):
        row = handed_over.get(index, {"label": "", "decision": ""})
        given = int(records.given[index])
        issue = index in handed_over and row["decision"] != "keep"
        rows.append(
            {
                "is_label_issue": issue,
                "label_quality": round(float(quality), 4),
                "given_label": given,
                "predicted_label": int(records.top[index, 0]),
                "index": index,
                "name": str(records.names[index]),
                "given": str(records.class_names[given]),
                "label": row["label"],
                "decision": row["decision"],
            }
        )
    write_csv(path, rows, CLEANLAB)
    return path


def read(path: Path) -> Iterator[Answer]:
    """Yield the answers; the last one on an example counts."""
    last = {}
    for line, cells in read_rows(path):
        last[cells.get("index")] = (f"line {line}", cells)
    yield from last.values()


def holds_spreadsheet(path: Path) -> bool:
    """Return whether a file is a table, of cleanlab or not."""
    return path.suffix.lower() in (".csv", ".tsv", ".txt")


def holds_cleanlab(path: Path) -> bool:
    """Return whether a file is a table with the columns of cleanlab."""
    return holds_spreadsheet(path) and set(CLEANLAB[:1]) <= set(header(path))


def header(path: Path) -> list[str]:
    """Return the columns of a table."""
    with one_line_errors(path, AGAIN):
        lines = _lines(path)
        return _columns(lines, _separator(lines))


def read_rows(path: Path) -> Iterator[tuple[int, dict]]:
    """Yield the number of the last line and the cells of each row."""
    with one_line_errors(path, AGAIN):
        lines = _lines(path)
        separator = _separator(lines)
        if not KNOWN & set(_columns(lines, separator)):
            raise InvalidInput(f"{path} has no known column; {LAYOUT}")
        reader = csv.DictReader(lines, delimiter=separator, strict=True)
        for row in reader:
            # Cells that a short line lacks are None, those too many a list.
            cells = {k: restore(v or "") for k, v in row.items() if k}
            if any(cells.values()):
                yield reader.line_num, cells


def _lines(path: Path) -> list[str]:
    """Return the lines of a table, without one such as sep=; before it."""
    # str.splitlines would also split names that contain U+2028.
    lines = list(io.StringIO(_decode(path.read_bytes()), newline=""))
    return lines[lines[:1] != [] and lines[0].lower().startswith("sep=") :]


def _decode(content: bytes) -> str:
    """Return the text of a file in one of the encodings of spreadsheets."""
    for mark, encoding in MARKS.items():
        if content.startswith(mark):
            return content.decode(encoding)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252")


def _separator(lines: Sequence[str]) -> str:
    """Return the separator with which the header has the most known columns."""
    return max(SEPARATORS, key=lambda s: len(KNOWN & set(_columns(lines, s))))


def _columns(lines: Sequence[str], separator: str) -> list[str]:
    """Return the columns in the header."""
    return next(csv.reader(lines[:1], delimiter=separator), [])
