"""Show the arguments in a docstring as a list, for mkdocstrings.

A docstring here has paragraphs such as `rate: the learning rate`, continued in
indented lines. Markdown would join neighbours to one paragraph.
"""

import re

import griffe

# One or more names and a colon at the start of a line.
ARGUMENTS = re.compile(r"^(\w+(?:, \w+)*): (.*(?:\n[ ]+\S.*)*)", re.MULTILINE)


def as_list(text: str) -> str:
    """Return a docstring whose arguments are items of a list."""

    def item(found: re.Match) -> str:
        names = ", ".join(f"`{name}`" for name in found[1].split(", "))
        return f"* {names}: {' '.join(found[2].split())}"

    text = ARGUMENTS.sub(item, text)
    return re.sub(r"(?<=\S)\n\* `", "\n\n* `", text)


class DocstringLists(griffe.Extension):
    """Griffe extension that rewrites each docstring."""

    def on_instance(self, *, obj: griffe.Object, **kwargs) -> None:
        """Rewrite the docstring of a module, class or function."""
        if obj.docstring:
            obj.docstring.value = as_list(obj.docstring.value)
