"""A scikit-learn estimator around `Classifier`."""

import copy
from collections.abc import Callable

import keras
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from fsr_gdw_tf.classifier import Classifier
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.method import Method


class SklearnClassifier(ClassifierMixin, BaseEstimator):
    """Trains a Keras model by a method, for `cross_val_score` and the like.

    build: returns a new Keras classifier for `(input shape, classes)`, as
        `build((28, 28, 1), 10)`; every `fit` starts from a new one.
    method: its name ("gdw"), its class, or a function that returns a new one
        (`lambda: FSR(warmup=2)`); None is the default of `Classifier.wrap`,
        which needs no clean data.
    optimizer: for `compile`; a name or an object.
    fit_arguments: others of `Classifier.fit`, such as `{"meta": (x, y)}`.

    After `fit`, `classifier_` is the trained `Classifier` (with
    `label_issues()` and `report(path)`), `classes_` are the labels.
    """

    def __init__(
        self,
        build: Callable[[tuple[int, ...], int], keras.Model],
        method: str | type[Method] | Callable[[], Method] | None = None,
        epochs: int = 10,
        batch_size: int = 32,
        optimizer: keras.optimizers.Optimizer | str = "adam",
        fit_arguments: dict | None = None,
    ):
        self.build, self.method, self.optimizer = build, method, optimizer
        self.epochs, self.batch_size = epochs, batch_size
        self.fit_arguments = fit_arguments

    # X and y are the names that scikit-learn gives by keyword.
    def fit(self, X, y, sample_weight=None) -> "SklearnClassifier":
        """Train a new model on inputs and labels of any sortable kind."""
        inputs, labels = np.asarray(X), np.asarray(y)
        if labels.ndim != 1 or len(labels) != len(inputs):
            raise InvalidInput(
                "expected a label for each example, got labels of shape "
                f"{labels.shape} for {len(inputs)} examples"
            )
        self.classes_, given = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise InvalidInput(
                f"expected two classes or more, got {self.classes_.tolist()}"
            )
        model = self.build(inputs.shape[1:], len(self.classes_))
        self.classifier_ = Classifier.wrap(model, self._new_method())
        # An optimizer would keep the state of an earlier fit.
        self.classifier_.compile(copy.deepcopy(self.optimizer))
        self.classifier_.fit(
            inputs,
            given,
            batch_size=min(self.batch_size, len(inputs)),
            epochs=self.epochs,
            sample_weight=sample_weight,
            **{"verbose": 0, **(self.fit_arguments or {})},
        )
        return self

    def _new_method(self) -> str | type[Method] | Method | None:
        if isinstance(self.method, Method):
            name = type(self.method).__name__
            raise InvalidInput(
                "expected a method's name, its class or a function, got an "
                f"object, which would keep its state; write lambda: {name}(...)"
            )
        is_function = callable(self.method) and not isinstance(
            self.method, type
        )
        return self.method() if is_function else self.method

    def predict_proba(self, X) -> np.ndarray:
        """Return a probability for each class, in the order of `classes_`."""
        check_is_fitted(self)
        probability = self.classifier_.predict(np.asarray(X), verbose=0)
        if probability.shape[1] == 1:  # one sigmoid
            probability = np.hstack([1.0 - probability, probability])
        return probability

    def predict(self, X) -> np.ndarray:
        """Return the most probable class of each example."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]
