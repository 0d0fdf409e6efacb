"""Tables of recipes and of settings, from the comments of the gin files."""

import html
from pathlib import Path

from environment import ROOT
from markdown_tables import markdown, paragraph

from fsr_gdw_tf.experiments import gin_descriptions

GIN = ROOT / "gin"


def recipes() -> str:
    """Return the recipes with their titles."""
    rows = [
        [f"`gin/{name}.gin`", title]
        for name, title in gin_descriptions.recipes().items()
    ]
    return markdown(["recipe", "trains on"], rows)


def settings(path: Path = GIN / "base.gin") -> str:
    """Return a table for each group of settings, below its comment."""
    parts = []
    for comment, group in gin_descriptions.settings(path):
        rows = [
            [f"`{name}`", f"`{default}`", html.escape(meaning, quote=False)]
            for name, default, meaning in group
        ]
        table = markdown(["setting", "default", "meaning"], rows)
        parts.append(f"{paragraph(comment)}\n{table}" if comment else table)
    return "\n".join(parts)


def data_settings(folder: Path = GIN / "data") -> str:
    """Return the settings of the data sets."""
    rows = [
        [f"`data/{path.name}`", f"`{name} = {default}`", meaning]
        for path in sorted(folder.glob("*.gin"))
        for group in gin_descriptions.settings(path)
        for name, default, meaning in group.settings
    ]
    rows = [[*row[:2], html.escape(row[2], quote=False)] for row in rows]
    return markdown(["file", "setting and default", "meaning"], rows)
