"""The README's examples run, and name what exists."""

import re
import textwrap

import keras
import numpy as np
import pytest
from support.markdown import python_blocks
from support.models import blobs
from support.paths import ROOT

from fsr_gdw_tf import Classifier
from fsr_gdw_tf.methods import METHODS
from fsr_gdw_tf.regularisers import REGULARISERS

README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = python_blocks("README.md")


def users_model() -> keras.Model:
    """A model as a user would have it before she has heard of this package."""
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )


def test_five_lines_train_the_users_own_model():
    model = users_model()
    x, y = blobs(n=600)
    x_test, y_test = blobs(n=30, seed=1)
    lines = [line for line in EXAMPLES[0].splitlines() if line]
    assert len(lines) == 5
    exec(EXAMPLES[0], {"model": model, **locals()})
    guess = model.predict(x_test, verbose=0).argmax(1)
    assert (guess == y_test).mean() > 0.9


def test_the_default_in_full_is_the_default():
    names = {"model": users_model()}
    exec(EXAMPLES[1], names)
    written, default = names["classifier"], Classifier.wrap(users_model())
    for a, b in zip(written.components, default.components, strict=True):
        assert type(a) is type(b)
    for name in ("scope", "warmup", "virtual_step", "meta_loss"):
        one, other = (getattr(c.method, name) for c in (written, default))
        assert one == other, name
    assert written.method.weight_net.normalise


def test_the_example_with_clean_images_finds_the_wrong_labels():
    """One more line lists nearly all of the wrong labels, and no others."""
    x, truth = blobs(n=900)
    rng = np.random.default_rng(0)
    wrong = rng.random(900) < 0.3
    y = np.where(wrong, (truth + rng.integers(1, 3, 900)) % 3, truth)
    x_clean, y_clean = blobs(n=15, seed=7)
    names = {**locals(), "model": users_model()}
    exec(EXAMPLES[2], names)
    found = [row["index"] for row in names["issues"]]
    assert wrong[found].mean() > 0.95
    assert len(found) > 0.9 * wrong.sum()


def test_the_long_example_runs():
    """The same lines on a network of 8 layers, two epochs, tiny images."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (20, 32, 32, 3)).astype("uint8")
    y = np.arange(20) % 10
    code = EXAMPLES[4].replace("epochs=80", "epochs=2")
    code = code.replace("InputPipeline(100)", "InputPipeline(10)")
    code = code.replace("resnet32(", "cifar_resnet(")
    code = code.replace("import resnet32", "import cifar_resnet")
    code = code.replace("classes=10)", "classes=10, depth=8)")
    names = {"x_train": x, "y_train": y, "x_test": x, "y_test": y}
    exec(code, names)
    assert names["classifier"].optimizer.iterations == 4


def test_the_example_with_a_strategy_runs():
    """On as many devices as there are here."""
    x, y = blobs(n=600)
    names = {"x": x, "y": y, "build_model": users_model}
    exec(EXAMPLES[3].replace("epochs=30", "epochs=2"), names)
    assert names["classifier"].optimizer.iterations == 4


@pytest.mark.parametrize("recipe", sorted(ROOT.glob("gin/*.gin")))
def test_every_recipe_is_mentioned(recipe):
    assert f"gin/{recipe.name}" in README


def test_every_mentioned_file_exists():
    code = r"(?:methods|regularisers)/\w+\.py"
    files = rf"`(gin/\w+\.gin|{code}|launch/[\w./]+)`"
    for name in re.findall(files, README):
        inside = ROOT / "fsr_gdw_tf" / name
        assert (ROOT / name).is_file() or inside.is_file(), name


def test_the_gate_runs_the_readmes_test_command():
    assert "\nmake test" in (ROOT / ".ci" / "run").read_text()
    assert "make test " in README


def test_every_method_has_a_row():
    for kind in (*METHODS, *REGULARISERS):
        folder, name = kind.__module__.split(".")[-2:]
        assert f"`{folder}/{name}.py` |" in README


def test_the_example_of_a_method_is_one():
    """CONTRIBUTING shows the end of a file as it is."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    shown = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]
    shown = textwrap.dedent(shown).rstrip()
    file = ROOT / "fsr_gdw_tf" / "methods" / "gce.py"
    assert file.read_text(encoding="utf-8").rstrip().endswith(shown)
