"""A method from its name, its class or an object of it."""

import inspect
from collections.abc import Mapping

from fsr_gdw_tf.errors import InvalidInput, suggest_names
from fsr_gdw_tf.method import Component, Method, Regulariser
from fsr_gdw_tf.methods import METHODS
from fsr_gdw_tf.methods.default import default_parts
from fsr_gdw_tf.methods.supervised import Supervised
from fsr_gdw_tf.regularisers import REGULARISERS

Parts = dict[str, Method | list[Regulariser]]
DEFAULT = "default"
WITH_CLEAN = "and fit(..., meta=(x_clean, y_clean), meta_in_training=True)"
# Recipes of gin/methods/ that are no class, as they are written in Python.
IN_PYTHON = {
    "class_balanced_deferred": "Classifier.wrap(model, "
    "ClassBalanced(warmup=0.8))",
    "default_clean": f"Classifier.wrap(model) {WITH_CLEAN}",
    "fsr_longtail": "Classifier.wrap(model, FSR(rule='shift', smoothing=0.1, "
    "meta_loss=MetaLoss(smoothing=0.1)))",
    "gdw_clean": f"Classifier.wrap(model, GDW()) {WITH_CLEAN}",
    "gdw_head": "Classifier.wrap(model, GDW(scope='head'))",
    "gdw_unconstrained": "Classifier.wrap(model, GDW(zero_mean=False))",
    "label_smoothing": "Classifier.wrap(model, Supervised(smoothing=0.1))",
    "mixup_relabel": "Classifier.wrap(model, Supervised(), "
    "regularisers=[MixUp(), Relabel()])",
    "supervised_clean": f"Classifier.wrap(model, Supervised()) {WITH_CLEAN}",
}


def named_parts(method: Method | type[Method] | str | None) -> Parts:
    """Return a method and what belongs to it; see `as_method`.

    None and "default" are the default; the name of a regulariser, such as
    "posterior_weights", is plain training with it.
    """
    if method is None or method == DEFAULT:
        return default_parts()
    if isinstance(method, str):
        regulariser = _by_name(REGULARISERS).get(_key(method))
        if regulariser:
            return {"method": Supervised(), "regularisers": [regulariser()]}
    return {"method": as_method(method)}


def as_method(method: Method | type[Method] | str) -> Method:
    """Return a method; a name or a class stands for one with its defaults.

    Names are those of the methods' files, in any spelling: "class_balanced",
    "ClassBalanced".
    """
    if isinstance(method, Method):
        return method
    if isinstance(method, str):
        method = _class_of(method)
    if not (isinstance(method, type) and issubclass(method, Method)):
        raise InvalidInput(
            "a method is an object such as GDW(), its class or its name, got "
            f"{type(method).__name__}"
        )
    parameters = inspect.signature(method).parameters.values()
    required = [
        p.name
        for p in parameters
        if p.default is p.empty
        and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    ]
    if required:
        arguments = ", ".join(f"{name}=..." for name in required)
        raise InvalidInput(
            f"{method.__name__} has no default for {' and '.join(required)}; "
            f"write {method.__name__}({arguments})"
        )
    return method()


def _class_of(name: str) -> type[Method]:
    classes, key = _by_name(METHODS), _key(name)
    if key in classes:
        return classes[key]
    if name in IN_PYTHON:
        raise InvalidInput(
            f"{name!r} is a recipe of the command line; in Python it is "
            f"{IN_PYTHON[name]}"
        )
    known = [*METHODS, *REGULARISERS]
    names = [DEFAULT, *map(_file_name, known), *IN_PYTHON]
    raise InvalidInput(f"no method {name!r}: {suggest_names(name, names)}")


def _key(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _file_name(cls: type[Component]) -> str:
    return cls.__module__.rsplit(".", 1)[-1]


def _by_name(classes: list[type[Component]]) -> Mapping[str, type[Component]]:
    """Return classes by their names, without underscores."""
    return {_key(cls.__name__): cls for cls in classes}
