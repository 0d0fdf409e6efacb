"""What type checkers see of the package is what it has."""

import ast
import re

from support.paths import ROOT

import fsr_gdw_tf
from fsr_gdw_tf.methods import METHODS
from fsr_gdw_tf.regularisers import REGULARISERS


def test_the_stub_names_all_that_is_public():
    """Methods and regularisers come with their packages, by a star."""
    tree = ast.parse((ROOT / "fsr_gdw_tf" / "__init__.pyi").read_text())
    named, packages = set(), set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            names = {alias.asname or alias.name for alias in node.names}
            packages |= {node.module} if "*" in names else set()
            named |= names - {"*"}
    listed = {kind.__name__ for kind in (*METHODS, *REGULARISERS)}
    assert named | listed == set(fsr_gdw_tf.__all__)
    assert packages == {"fsr_gdw_tf.methods", "fsr_gdw_tf.regularisers"}


def test_the_checked_file_uses_all_that_is_public_but_methods():
    text = (ROOT / "tests" / "types" / "public_api.py").read_text()
    listed = {kind.__name__ for kind in (*METHODS, *REGULARISERS)}
    rest = set(fsr_gdw_tf.__all__) - listed - {"InvalidInput"}
    unused = [n for n in rest if len(re.findall(rf"\b{n}\b", text)) < 2]
    assert unused == []
