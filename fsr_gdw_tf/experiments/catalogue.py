"""What `--mode=list` prints: recipes, methods, networks and data.

Everything is read from comments and docstrings: TensorFlow is not imported.
"""

import ast
import re
from pathlib import Path

from fsr_gdw_tf.experiments import gin_descriptions
from fsr_gdw_tf.experiments.command_help import section
from fsr_gdw_tf.experiments.gin_config import PACKAGE

EXPLANATION = """\
[paper]: from a paper, which the recipe or docs/choose-a-method.md names;
docs/results/ says what was reproduced. [ours]: a variant or control of ours."""


def catalogue() -> str:
    """Return all names that a run can be made of, a line or two for each."""
    folder = gin_descriptions.gin_folder()
    recipes = gin_descriptions.recipes()
    data = {path.stem: path for path in sorted(folder.glob("data/*.gin"))}
    methods = {n: folder / "methods" / f"{n}.gin" for n in _methods()}
    parts = [
        section(
            "recipes, --gin_file=gin/<name>.gin",
            {
                name: f"{title} [{origin(folder / f'{name}.gin')}]"
                for name, title in recipes.items()
            },
        ),
        section(
            "methods, --gin_file=gin/methods/<name>.gin behind a recipe",
            {name: _method_line(path) for name, path in methods.items()},
        ),
        section(
            "networks, --gin_param=ClassifierConfig.network=@<name>",
            networks(),
        ),
        section(
            "data, --gin_file=gin/data/<name>.gin behind gin/base.gin",
            {name: gin_descriptions.title(p) for name, p in data.items()},
        ),
        EXPLANATION,
    ]
    return "\n\n".join(parts)


def _methods() -> list[str]:
    """Return the names of the methods, plain training and the default first."""
    first = ["supervised", "default"]
    names = gin_descriptions.methods()
    return first + [name for name in names if name not in first]


def _method_line(path: Path) -> str:
    return f"{gin_descriptions.title(path)} [{origin(path)}]"


def origin(path: Path) -> str:
    """Return where a recipe or method is from: "paper" or "ours".

    A recipe says so under "Paper:", a method that is ours under "Origin:".
    """
    text = path.read_text(encoding="utf-8")
    ours = re.search(r"^# (Paper: +none|Origin: ours)", text, re.MULTILINE)
    return "ours" if ours else "paper"


def networks() -> dict[str, str]:
    """Return {name: first sentence} of the networks that gin knows."""
    found = {}
    for path in sorted((PACKAGE / "networks").glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            registered = isinstance(node, ast.FunctionDef) and any(
                ast.unparse(d).startswith("gin.") for d in node.decorator_list
            )
            if registered:
                text = " ".join((ast.get_docstring(node) or "").split())
                sentence = re.split(r"\.(?: |$)", text)[0]
                found[node.name] = sentence.removeprefix("Return ")
    return found
