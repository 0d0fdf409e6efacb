"""A method from its name, its class or an object of it."""

import inspect

from fsr_gdw_tf.errors import InvalidInput, suggest_names
from fsr_gdw_tf.method import Method
from fsr_gdw_tf.methods import METHODS


def as_method(method: Method | type[Method] | str) -> Method:
    """Return a method; a name or a class stands for one with its defaults.

    Names are those of the classes, in any spelling: "gdw", "class_balanced".
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
    classes = {cls.__name__.lower(): cls for cls in METHODS}
    key = name.lower().replace("_", "").replace("-", "")
    if key not in classes:
        names = suggest_names(key, classes)
        raise InvalidInput(f"no method {name!r}: {names}")
    return classes[key]
