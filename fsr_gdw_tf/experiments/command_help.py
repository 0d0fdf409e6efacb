"""The text that `python -m fsr_gdw_tf.main --help` prints."""

import textwrap
from collections.abc import Iterable, Mapping

from absl import flags

from fsr_gdw_tf.experiments import gin_descriptions

USAGE = """Train Keras classifiers on noisy or imbalanced labels.

usage: fsr-gdw --gin_file=RECIPE [--gin_param=NAME=VALUE] [--run_dir=FOLDER]

  fsr-gdw --gin_file=gin/digits.gin
  fsr-gdw --gin_file=gin/folder.gin --gin_param='DATA_DIR="photos"'"""
OTHERS = """other settings: gin/base.gin, and gin/data/<name>.gin of the recipe;
docs/recipes-and-runs.md has all of them"""
WIDTH = 80


def command_help(
    modes: Mapping[str, str], own_flags: Iterable[flags.Flag]
) -> str:
    """Return usage, flags, modes, recipes, methods and common settings."""
    folder = gin_descriptions.gin_folder()
    common = gin_descriptions.settings(folder / "base.gin")[0].settings
    methods = ", ".join(gin_descriptions.methods())
    parts = [
        USAGE,
        section("flags", {f"--{f.name}": flag_help(f) for f in own_flags}),
        section("modes", modes),
        section("recipes, gin/<name>.gin", gin_descriptions.recipes()),
        "methods, gin/methods/<name>.gin behind a recipe:\n" + fill(methods),
        section(
            "settings, NAME=VALUE [default]; strings need quotes",
            {s.name: f"{s.meaning} [{s.default}]" for s in common},
        ),
        OTHERS,
    ]
    return "\n\n".join(parts)


def flag_help(flag: flags.Flag) -> str:
    """Return the text of a flag's definition, without what absl adds."""
    return flag.help.partition(";\n")[0].rpartition(">: ")[2]


def section(title: str, lines: Mapping[str, str]) -> str:
    """Return a title, and names with their texts in two columns."""
    width = max(map(len, lines)) + 2
    parts = [fill(text, f"  {name:<{width}}") for name, text in lines.items()]
    return "\n".join([f"{title}:", *parts])


def fill(text: str, first: str = "  ") -> str:
    """Return a text in lines that are indented as far as the first one."""
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_on_hyphens=False,
    )
