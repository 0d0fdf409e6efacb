"""The package's structure: which folder may import which, and sizes."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "fsr_gdw_tf"
# From the bottom up. A module imports from lower rows, or from its own folder.
LAYERS = [
    ["__init__", "errors"],
    ["command_line", "losses", "metrics"],
    ["distribution", "networks", "method"],
    ["io"],
    ["optimizers", "example_state", "data"],
    ["label_quality"],
    ["dictionary", "regularisers", "lookahead"],
    ["paper_figures", "methods", "callbacks", "label_report"],
    ["recorders", "label_review"],
    ["trainer", "label_exchange"],
    ["classifier"],
    ["estimator", "stages"],
    ["experiments"],
    ["main", "report", "figures"],
]
LEVEL = {name: level for level, row in enumerate(LAYERS) for name in row}
MODULES = sorted(PACKAGE.rglob("*.py"))
# fit has Keras' own arguments and what every training may set.
MANY_ARGUMENTS = {"trainer.fit"}


def room(path: Path) -> str:
    """Return the folder of a module, or its name at the root."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(tree: ast.AST) -> set[str]:
    """Return what a module imports from the package, as dotted names."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    package = "fsr_gdw_tf."
    return {n.removeprefix(package) for n in names if n.startswith(package)}


def upward(path: Path, text: str) -> list[str]:
    """Return the imports of a module that its layer may not have."""
    here = room(path)
    rooms = {name.split(".")[0] for name in imported(ast.parse(text))}
    # Names such as `__version__` come from the package itself.
    rooms = {r if r in LEVEL else "__init__" for r in rooms} - {here}
    return sorted(r for r in rooms if LEVEL[r] >= LEVEL[here])


def test_every_room_has_a_layer():
    rooms = {room(path) for path in MODULES}
    assert rooms == set(LEVEL), "add a new folder or module to LAYERS"
    root = list(PACKAGE.glob("*.py"))
    assert len(root) <= 14, "the root of the package is full"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.name))
def test_imports_run_downward(path):
    assert upward(path, path.read_text()) == []


def test_an_upward_import_is_found():
    path = PACKAGE / "methods" / "gce.py"
    text = path.read_text()
    for line in (
        "from fsr_gdw_tf.classifier import Classifier",
        "from fsr_gdw_tf import main",
        "import fsr_gdw_tf.trainer",
        "def f():\n    from fsr_gdw_tf.experiments import compare",
    ):
        assert upward(path, f"{text}\n{line}\n") != [], line
    assert upward(path, text) == []


@pytest.mark.parametrize(
    "folder",
    [
        *("methods", "data", "label_report", "label_review"),
        *("label_exchange", "stages", ""),
    ],
)
def test_modules_of_a_folder_do_not_import_in_a_circle(folder):
    paths = [p for p in MODULES if p.parent == PACKAGE / folder]
    names = {
        ".".join(p.relative_to(PACKAGE).with_suffix("").parts) for p in paths
    }
    edges = {}
    for path in paths:
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        targets = imported(ast.parse(path.read_text()))
        parents = {t.rpartition(".")[0] for t in targets}
        edges[name] = (targets | parents) & names - {name}
    done = set()
    while ready := {n for n in edges if n not in done and edges[n] <= done}:
        done |= ready
    assert done == set(edges), f"circle among {sorted(set(edges) - done)}"


def test_tapes_custom_gradients_and_strategies_stand_in_one_place():
    texts = {p.relative_to(PACKAGE): p.read_text() for p in MODULES}
    custom = [str(p) for p, t in texts.items() if "tf.custom_gradient" in t]
    assert custom == ["losses.py"]
    for path, text in texts.items():
        if "tf.distribute." in text:
            assert path.parts[0] == "distribution", path


def functions(path: Path) -> list[tuple[str, ast.FunctionDef]]:
    """Return the functions and methods of a module, with names to tell."""
    tree = ast.parse(path.read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [
        (f"{path.stem}.{node.name}", node)
        for node in ast.walk(tree)
        if isinstance(node, kinds)
    ]


def length(node: ast.FunctionDef) -> int:
    """Return the number of lines without the docstring."""
    lines = node.end_lineno - node.lineno + 1
    if ast.get_docstring(node) is not None:
        doc = node.body[0]
        lines -= doc.end_lineno - doc.lineno + 1
    return lines


CODE = [*MODULES, *sorted((ROOT / "benchmarks").rglob("*.py"))]


@pytest.mark.parametrize("path", CODE, ids=lambda p: str(p.name))
def test_files_and_functions_are_short(path):
    assert len(path.read_text().splitlines()) <= 300
    for name, node in functions(path):
        assert length(node) <= 30, f"{name} has {length(node)} lines"
        a = node.args
        names = [x.arg for x in (*a.posonlyargs, *a.args, *a.kwonlyargs)]
        names = [n for n in names if n not in ("self", "cls")]
        if name not in MANY_ARGUMENTS:
            assert len(names) <= 7, f"{name} has {len(names)} arguments"


def test_classes_have_at_most_three_ancestors():
    parents = {}
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                bases = [ast.unparse(b).split(".")[-1] for b in node.bases]
                parents[node.name] = bases

    def ancestors(name: str) -> set[str]:
        own = {b for b in parents.get(name, ()) if b in parents}
        return own.union(*(ancestors(b) for b in own))

    deep = {n: a for n in parents if len(a := ancestors(n)) > 3}
    assert deep == {}
