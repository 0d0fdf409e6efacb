"""Give settings that are 'auto' the values that fit the data.

Settings of one run are chosen once: a run that has checkpoints keeps those of
its config.gin.
"""

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Any

import gin
import numpy as np

from fsr_gdw_tf.data import Source, Splits
from fsr_gdw_tf.data.pillow_images import read_header
from fsr_gdw_tf.distribution.hosts import print_on_chief
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.experiments import gin_config, settings
from fsr_gdw_tf.experiments.choices import (
    AUTO,
    RULES,
    Choice,
    DataFacts,
    choose,
)
from fsr_gdw_tf.io.run_folder import RunFolder

LOADERS = ("folder", "file_list")  # which can list their files unread
OF_NETWORK = ("NETWORK", "FROZEN")
SAMPLE = 300  # images whose headers are read


def apply_choices(folder: RunFolder | None = None, quiet: bool = False) -> None:
    """Choose the settings that are 'auto', print and bind them.

    folder: of the run; with checkpoints there its settings stay as they are.
    """
    names = automatic_names()
    if not names:
        return
    saved = _saved_values(folder, names) if folder else {}
    if set(names) <= saved.keys():
        chosen = {n: Choice(saved[n], "as before in this run") for n in names}
    else:
        facts = look_at_data(list_data())
        chosen = choose(facts, user_values())
        if not quiet:
            print_on_chief(_heading(facts))
    for name in names:
        if not quiet and _is_used(name):
            print_on_chief(_line(name, chosen[name]))
        gin.parse_config(f"{name} = {chosen[name].value!r}")
    settings.check(names)


def automatic_names() -> list[str]:
    """Return the settings that are 'auto' in the parsed configuration."""
    return [n for n in RULES if n in gin_config.macros() and _is_auto(n)]


def _is_auto(name: str) -> bool:
    return gin_config.value(name) == AUTO


def _is_used(name: str) -> bool:
    """Return whether the network or the method of the run has this setting."""
    if name in OF_NETWORK:  # unless the user has set another network
        return _selector("ClassifierConfig.network") == "image_network"
    if name == "FINETUNE_FROM":
        return _selector("ClassifierConfig.method") == "FineTune"
    return True


def _selector(parameter: str) -> str:
    """Return the name of what a parameter refers to, or ""."""
    try:
        reference = gin.query_parameter(parameter)
    except ValueError:  # it is not set
        return ""
    return str(getattr(reference, "selector", "")).split(".")[-1]


def user_values() -> dict[str, Any]:
    """Return the settings of the rules that have values, and WEIGHTS."""
    names = [n for n in (*RULES, "WEIGHTS") if n in gin_config.macros()]
    return {n: gin_config.value(n) for n in names if not _is_auto(n)}


def list_data() -> Splits:
    """List the images of the configuration; none of them is decoded."""
    name = _selector("prepare.load")
    if name not in LOADERS:
        names = ", ".join(automatic_names()) or "this mode"
        raise InvalidInput(
            f"expected images in a folder or a list for {names} (AUTO), got "
            f"the data {name or 'none'}; use gin/folder.gin or "
            "gin/file_list.gin, or set the value"
        )
    return gin.get_configurable(name)(verify=False, cache=False)


def look_at_data(splits: Splits) -> DataFacts:
    """Return the number of training images, and the sides of a sample."""
    train = splits.train
    images = len(train)
    if "TRAIN_EXAMPLES" in gin_config.macros():
        images = min(images, gin_config.value("TRAIN_EXAMPLES") or images)
    headers = [read_header(path) for path in sample_paths(train, SAMPLE)]
    headers = [h for h in headers if h]
    if not headers:
        raise InvalidInput(
            f"none of {min(SAMPLE, images)} images can be read, the first is "
            f"{train.name(0)}; expected images"
        )
    return DataFacts(
        images=images,
        classes=train.classes,
        height=int(np.median([h.height for h in headers])),
        width=int(np.median([h.width for h in headers])),
        is_grey=all(h.is_grey for h in headers),
    )


def sample_paths(source: Source, count: int) -> list[str]:
    """Return the paths of evenly spaced examples, at most `count`."""
    step = max(1, -(-len(source) // count))
    return [source.name(i) for i in range(0, len(source), step)]


def _saved_values(folder: RunFolder, names: Sequence[str]) -> Mapping[str, Any]:
    """Return the settings of a run that can go on, as its config.gin says."""
    file = folder / "config.gin"
    if not any((folder / "checkpoints").glob("*.index")) or not file.is_file():
        return {}
    text = file.read_text(encoding="utf-8", errors="replace")
    lines = dict(re.findall(r"^([A-Z_]+) = (.+)$", text, re.MULTILINE))
    try:
        return {n: ast.literal_eval(lines[n]) for n in names}
    except (KeyError, ValueError, SyntaxError, MemoryError, RecursionError):
        return {}


def _heading(facts: DataFacts) -> str:
    colour = "grey" if facts.is_grey else "colour"
    return (
        f"Chosen for {facts.images:,} training images of {facts.classes:,} "
        f"classes, typically {facts.width} x {facts.height}, {colour} "
        "(--gin_param=NAME=VALUE sets another value):"
    )


def _line(name: str, choice: Choice) -> str:
    return f"  {f'{name}={choice.value!r}':<26} {choice.reason}"
