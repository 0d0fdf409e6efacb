"""The examples of README and docs/ run, and name what exists."""

import re
import textwrap

import keras
import numpy as np
import pytest
from support.models import blobs
from support.pages import PAGES, examples, read
from support.paths import ROOT

from fsr_gdw_tf import Classifier
from fsr_gdw_tf.methods import METHODS
from fsr_gdw_tf.regularisers import REGULARISERS

README, METHODS_PAGE = read("README.md"), read("docs/choose-a-method.md")
(FIVE_LINES,) = examples("README.md")
IN_FULL, CLEAN_IMAGES, LONG = examples("docs/your-model.md")
(STRATEGY,) = examples("docs/several-gpus.md")
(SAVING,) = examples("docs/saving-and-serving.md")


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
    lines = [line for line in FIVE_LINES.splitlines() if line]
    assert len(lines) == 5
    exec(FIVE_LINES, {"model": model, **locals()})
    guess = model.predict(x_test, verbose=0).argmax(1)
    assert (guess == y_test).mean() > 0.9


def test_the_default_in_full_is_the_default():
    names = {"model": users_model()}
    exec(IN_FULL, names)
    written, default = names["classifier"], Classifier.wrap(users_model())
    for a, b in zip(written.components, default.components, strict=True):
        assert type(a) is type(b)
    for name in ("scope", "warmup", "virtual_step", "meta_loss"):
        one, other = (getattr(c.method, name) for c in (written, default))
        assert one == other, name
    assert written.method.weight_net.normalise
    rates = [
        float(c.method.weight_net.optimizer.learning_rate)
        for c in (written, default)
    ]
    assert rates[0] == rates[1]


def test_the_example_with_clean_images_finds_the_wrong_labels():
    """One more line lists nearly all of the wrong labels, and no others."""
    x, truth = blobs(n=900)
    rng = np.random.default_rng(0)
    wrong = rng.random(900) < 0.3
    y = np.where(wrong, (truth + rng.integers(1, 3, 900)) % 3, truth)
    x_clean, y_clean = blobs(n=15, seed=7)
    names = {**locals(), "model": users_model()}
    exec(CLEAN_IMAGES, names)
    found = [row["index"] for row in names["issues"]]
    assert wrong[found].mean() > 0.95
    assert len(found) > 0.9 * wrong.sum()


def test_the_long_example_runs():
    """The same lines on a network of 8 layers, two epochs, tiny images."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (20, 32, 32, 3)).astype("uint8")
    y = np.arange(20) % 10
    code = LONG.replace("epochs=80", "epochs=2")
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
    exec(STRATEGY.replace("epochs=30", "epochs=2"), names)
    assert names["classifier"].optimizer.iterations == 4


def test_the_saved_network_predicts_what_the_classifier_does(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    x, y = blobs(n=64)
    names = {"model": users_model(), "x": x, "y": y}
    exec(SAVING, names)
    expected = names["classifier"].predict(x, verbose=0)
    loaded = names["network"].predict(x, verbose=0)
    np.testing.assert_allclose(loaded, expected, rtol=1e-6)
    assert (tmp_path / "served" / "saved_model.pb").is_file()
    other = users_model()
    other.load_weights("model.weights.h5")
    np.testing.assert_array_equal(other.predict(x, verbose=0), loaded)


def test_no_example_that_is_marked_to_run_is_left_out():
    """A new one needs a test here, or in test_your_data_page.py."""
    marked = {str(p.relative_to(ROOT)): examples(str(p)) for p in PAGES}
    assert {page: len(found) for page, found in marked.items() if found} == {
        "README.md": 1,
        "docs/saving-and-serving.md": 1,
        "docs/several-gpus.md": 1,
        "docs/your-data.md": 9,
        "docs/your-model.md": 3,
    }


@pytest.mark.parametrize("recipe", sorted(ROOT.glob("gin/*.gin")))
def test_every_recipe_is_mentioned(recipe):
    assert f"gin/{recipe.name}" in read("docs/recipes-and-runs.md")


def test_every_mentioned_file_exists():
    code = r"(?:methods|regularisers|fsr_gdw_tf|benchmarks|tests)/[\w/]+\.\w+"
    files = rf"`(gin/[\w/]+\.gin|{code}|launch/[\w./]+)`"
    for page in PAGES:
        for name in re.findall(files, page.read_text(encoding="utf-8")):
            inside = ROOT / "fsr_gdw_tf" / name
            assert (ROOT / name).is_file() or inside.is_file(), (page, name)


def test_the_gate_runs_the_readmes_test_command():
    assert "\nmake test" in (ROOT / ".ci" / "run").read_text()
    assert "make test " in README


def test_every_method_has_a_row():
    for kind in (*METHODS, *REGULARISERS):
        folder, name = kind.__module__.split(".")[-2:]
        assert f"`{folder}/{name}.py` |" in METHODS_PAGE
        assert f"::: fsr_gdw_tf.{folder}.{name}\n" in METHODS_PAGE
        path = f"::: {kind.__module__}.{kind.__name__}\n"
        assert path in read("docs/api.md")


def test_the_example_of_a_method_is_one():
    """CONTRIBUTING shows the end of a file as it is."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    shown = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]
    shown = textwrap.dedent(shown).rstrip()
    file = ROOT / "fsr_gdw_tf" / "methods" / "gce.py"
    assert file.read_text(encoding="utf-8").rstrip().endswith(shown)
