"""The examples in documents."""

import re

from support.paths import ROOT


def python_blocks(name: str) -> list[str]:
    """Return the Python code blocks of a document."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)
