"""What the comments of gin files say: titles of recipes, meaning of settings.

They are what `--help` and the documentation show.
"""

import re
from pathlib import Path
from typing import NamedTuple

from fsr_gdw_tf.experiments.gin_config import search_folders

# NAME = value  # comment, and lines that only continue the comment.
SETTING = re.compile(r"([A-Z][A-Z0-9_]*) = (.*?)(?:\s+# (.*))?")
CONTINUED = re.compile(r" +# (.*)")


class Setting(NamedTuple):
    """A macro of a gin file: its default, and what its comment says."""

    name: str
    default: str
    meaning: str


class Group(NamedTuple):
    """Settings that follow each other, and the comment above them."""

    comment: str
    settings: list[Setting]


def gin_folder() -> Path:
    """Return the first folder gin/ that holds the recipes."""
    folders = (folder / "gin" for folder in search_folders())
    return next(path for path in folders if (path / "base.gin").is_file())


def recipes() -> dict[str, str]:
    """Return {recipe: title} of the files that main can be given alone."""
    paths = sorted(gin_folder().glob("*.gin"))
    return {p.stem: title(p) for p in paths if p.stem != "base"}


def methods() -> list[str]:
    """Return the names of the files in gin/methods/."""
    return sorted(path.stem for path in gin_folder().glob("methods/*.gin"))


def title(path: Path) -> str:
    """Return the first sentence of a file's first comment."""
    text = _opening_comment(path.read_text(encoding="utf-8").splitlines())
    sentence = re.match(r".*?[.;](?= \D|$)", text)
    return sentence[0].rstrip(".;") if sentence else text


def _opening_comment(lines: list[str]) -> str:
    words = []
    for line in lines:
        if not line.startswith("# "):
            break
        words.append(line.removeprefix("# "))
    return " ".join(words)


def settings(path: Path) -> list[Group]:
    """Return the settings of a file, in groups under their comments."""
    groups, comment = [Group("", [])], ""
    for line in path.read_text(encoding="utf-8").splitlines():
        setting, more = SETTING.fullmatch(line), CONTINUED.fullmatch(line)
        if setting:
            if comment:
                groups.append(Group(comment, []))
            found = Setting(*(part or "" for part in setting.groups()))
            groups[-1].settings.append(found)
        elif more and groups[-1].settings:
            name, default, meaning = groups[-1].settings.pop()
            meaning = f"{meaning} {more[1]}".strip()
            groups[-1].settings.append(Setting(name, default, meaning))
        is_comment = line.startswith("# ")
        comment = f"{comment} {line[2:]}".strip() if is_comment else ""
    return [group for group in groups if group.settings]
