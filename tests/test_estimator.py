"""The scikit-learn estimator: as scikit-learn and cleanlab use it."""

import keras
import numpy as np
import pytest
from keras import layers
from sklearn.base import clone
from sklearn.model_selection import cross_val_predict, cross_val_score

from fsr_gdw_tf import FSR, GCE, InvalidInput, SklearnClassifier


def build(shape, classes) -> keras.Model:
    outputs = 1 if classes == 2 else classes
    last = "sigmoid" if classes == 2 else "softmax"
    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Dense(8, "relu"),
            layers.Dense(outputs, activation=last),
        ]
    )


def data(names, n=90, wrong=0.2):
    """Return separable inputs, given labels and true labels."""
    rng = np.random.default_rng(0)
    true = np.arange(n) % len(names)
    inputs = rng.normal(np.eye(len(names), 4)[true] * 6, 1.0)
    flipped = (true + 1) % len(names)
    given = np.where(rng.random(n) < wrong, flipped, true)
    return (
        inputs.astype("float32"),
        np.array(names)[given],
        np.array(names)[true],
    )


def estimator(**arguments) -> SklearnClassifier:
    rate = keras.optimizers.Adam(0.03)
    settings = {"epochs": 8, "batch_size": 15, "optimizer": rate}
    return SklearnClassifier(build, **(settings | arguments))


@pytest.mark.parametrize("names", [["cat", "dog"], ["a", "b", "c"]])
def test_it_predicts_the_labels_that_it_was_given(names):
    inputs, given, true = data(names)
    model = estimator().fit(inputs, given)
    assert model.classes_.tolist() == names
    assert np.mean(model.predict(inputs) == true) > 0.9
    probability = model.predict_proba(inputs)
    assert probability.shape == (90, len(names))
    np.testing.assert_allclose(probability.sum(1), 1.0, rtol=1e-5)
    assert model.score(inputs, given) == np.mean(model.predict(inputs) == given)


def test_scikit_learn_clones_and_cross_validates_it():
    inputs, given, _ = data(["a", "b", "c"], wrong=0.0)
    model = estimator(method="gce", epochs=5)
    assert clone(model).get_params()["method"] == "gce"
    assert cross_val_score(model, inputs, given, cv=2).min() > 0.9
    shape = cross_val_predict(
        model, inputs, given, cv=2, method="predict_proba"
    ).shape
    assert shape == (90, 3)


def test_a_function_makes_a_new_method_for_each_fit():
    inputs, given, _ = data(["a", "b", "c"])
    made = []

    def method():
        made.append(FSR(warmup=0))
        return made[-1]

    model = estimator(method=method, epochs=1)
    model.fit(inputs, given).fit(inputs[:60], given[:60])
    assert len(made) == 2 and model.classifier_.method is made[1]
    with pytest.raises(InvalidInput, match="write lambda: FSR"):
        estimator(method=made[0]).fit(inputs, given)


def test_its_classifier_tells_the_label_issues(tmp_path):
    inputs, given, true = data(["a", "b", "c"])
    model = estimator(method=GCE, epochs=10).fit(inputs, given)
    found = {row["index"] for row in model.classifier_.label_issues()}
    wrong = set(np.flatnonzero(given != true))
    assert len(found & wrong) > 0.8 * len(wrong)
    page = model.classifier_.report(tmp_path / "report of mine")
    assert page.is_file() and "label_issues.csv" in {
        file.name for file in page.parent.iterdir()
    }


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (np.zeros(90), "expected two classes or more, got"),
        (np.zeros((90, 3)), "expected a label for each example, got"),
        (np.zeros(80), "for 90 examples"),
    ],
)
def test_labels_that_it_cannot_take(labels, told):
    with pytest.raises(InvalidInput, match=told):
        estimator().fit(np.zeros((90, 4)), labels)


def test_cleanlab_finds_issues_with_it():
    cleanlab = pytest.importorskip("cleanlab.classification")
    inputs, given, true = data(["a", "b", "c"])
    cleaner = cleanlab.CleanLearning(estimator(epochs=5), cv_n_folds=2)
    numbers = np.unique(given, return_inverse=True)[1]
    cleaner.fit(inputs, numbers)
    wrong = given != true
    suspected = cleaner.get_label_issues()["is_label_issue"].to_numpy()
    assert suspected[wrong].mean() > 0.7
    assert suspected[~wrong].mean() < 0.2
