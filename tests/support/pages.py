"""The README and the pages of docs/."""

import re
from pathlib import Path

from support.paths import ROOT

PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
# The comment above a block of code that the tests run as it is printed.
EXAMPLE = re.compile(r"<!-- run -->\n```python\n(.*?)```", re.DOTALL)
BASH = re.compile(r"```bash\n(.*?)```", re.DOTALL)


def read(name: str) -> str:
    """Return the text of a page, such as "docs/api.md"."""
    return (ROOT / name).read_text(encoding="utf-8")


def examples(name: str) -> list[str]:
    """Return the examples of a page that are run."""
    return EXAMPLE.findall(read(name))


def commands() -> list[str]:
    """Return the commands of all pages, each in one line without comments."""
    lines = []
    for page in PAGES:
        for block in BASH.findall(page.read_text(encoding="utf-8")):
            joined = re.sub(r"\\\n\s*", "", block)
            lines += [line.split(" # ")[0] for line in joined.splitlines()]
    return [line.strip() for line in lines if line.strip()]


def without_code(path: Path) -> str:
    """Return the text of a page without blocks and pieces of code."""
    text = path.read_text(encoding="utf-8")
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)


def anchors(path: Path) -> set[str]:
    """Return the names that links into a page can have."""
    text = re.sub(r"```.*?```", "", path.read_text("utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    words = (re.sub(r"[^\w\- ]", "", h).strip().lower() for h in headings)
    return {name.replace(" ", "-") for name in words}
