"""Bad arguments of Python functions, and what the answer to each says."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa

import fsr_gdw_tf as f
from fsr_gdw_tf.data import CropFlip, Resize, ResizedCropFlip

X, Y = np.zeros((4, 2), np.float32), np.array([0, 1, 0, 1])
TABLE = pa.table({"a": [1.0, 2.0], "b": [1, 2], "label": ["x", "y"]})
NO_NUMBERS = ("0.5", None, True, [0.5], b"1", {}, float("nan"))
NO_COUNTS = ("3", 2.5, True, [3], -1, 0, float("nan"))

# The call, and what its error says.
DATA: dict[str, tuple[Callable, str]] = {
    "no labels": (lambda: f.from_arrays(X, None), "for each example, got None"),
    "a label too few": (lambda: f.from_arrays(X, Y[:3]), "x and y differ in"),
    "a label too many": (lambda: f.from_arrays(X[:3], Y), "x and y differ in"),
    "no examples": (lambda: f.from_arrays(X[:0], Y[:0]), "no examples"),
    "one class": (lambda: f.from_arrays(X, Y * 0), "at least 2 classes, got 1"),
    "negative label": (lambda: f.from_arrays(X, Y - 1), "from 0 on, got -1"),
    "fractions": (lambda: f.from_arrays(X, Y + 0.5), "must be integers"),
    "NaN label": (lambda: f.from_arrays(X, [0, 1, np.nan, 1]), "missing"),
    "None label": (lambda: f.from_arrays(X, ["a", None, "b", "a"]), "missing"),
    "infinite label": (lambda: f.from_arrays(X, [0, 1, np.inf, 1]), ""),
    "huge label": (lambda: f.from_arrays(X, [0, 1, 10**9, 1]), "classes, but"),
    "complex labels": (
        lambda: f.from_arrays(X, Y * 1j),
        "got the dtype complex",
    ),
    "dates": (lambda: f.from_arrays(X, Y.astype("datetime64[s]"), ["a"]), ""),
    "soft labels": (
        lambda: f.from_arrays(X, np.full((4, 3), 1 / 3)),
        "columns that are not one-hot",
    ),
    "labels of three dimensions": (
        lambda: f.from_arrays(X, np.ones((4, 2, 2))),
        "columns that are not one-hot",
    ),
    "one label": (lambda: f.from_arrays(X, 3), "for each example, got 3"),
    "one input": (lambda: f.from_arrays(3.0, Y), "for each example in x, got"),
    "ragged inputs": (
        lambda: f.from_arrays([[1], [1, 2], [1], [1]], Y),
        "expected inputs of one shape",
    ),
    "too few names": (
        lambda: f.from_arrays(X, ["a", "b", "c", "a"], ["a", "b"]),
        "the label 'c' is none of the 2 classes",
    ),
    "names too few for numbers": (
        lambda: f.from_arrays(X, [0, 1, 2, 0], ["a", "b"]),
        "must lie in 0 to 1",
    ),
    "names a number": (lambda: f.from_arrays(X, Y, 2), "class_names"),
    "names alike": (
        lambda: f.from_arrays(X, ["a", "b", "a", "b"], ["a", "b", "a"]),
        "class_names has the name 'a' twice",
    ),
    "no such column": (lambda: f.from_dataframe(TABLE, "labels"), "'labels'"),
    "no such path column": (
        lambda: f.from_dataframe(TABLE, "label", "image"),
        "image",
    ),
    "paths that are numbers": (
        lambda: f.from_dataframe(TABLE, "label", "a"),
        "no file 1.0",
    ),
    "no table": (lambda: f.from_dataframe([1, 2], "label"), "got list"),
    "no folder": (lambda: f.from_folder("/none"), "no such data folder"),
    "a file as folder": (lambda: f.from_folder(__file__), "no such data fol"),
    "no CSV": (lambda: f.from_csv("/none.csv"), "no such file list"),
    "a folder as CSV": (lambda: f.from_csv("/tmp"), "no such file list"),
    "an empty name": (lambda: f.from_csv(""), "no such file list"),
    "a program as CSV": (lambda: f.from_csv("/bin/sh"), "is not UTF-8"),
}


def _numbers(make: Callable, name: str, values=NO_NUMBERS) -> dict:
    """Return a case for each wrong value of an argument."""
    return {
        f"{name}={value!r}": (lambda v=value: make(**{name: v}), name)
        for value in values
    }


METHODS = {
    "GCE": _numbers(f.GCE, "q", (*NO_NUMBERS, 0, -1, 2)),
    "Supervised": _numbers(f.Supervised, "smoothing", (*NO_NUMBERS, -1, 1)),
    "Focal": _numbers(f.Focal, "gamma", (*NO_NUMBERS, -1)),
    "ClassBalanced": _numbers(f.ClassBalanced, "beta", (*NO_NUMBERS, 1, -1)),
    "GDW": _numbers(f.GDW, "warmup", (*NO_NUMBERS, -1)),
    "InputPipeline": {
        **_numbers(f.InputPipeline, "batch_size", ("3", 2.5, [3], None)),
        **_numbers(f.InputPipeline, "meta_batch_size", NO_COUNTS),
        **_numbers(f.InputPipeline, "steps_per_epoch", NO_COUNTS),
        **_numbers(f.InputPipeline, "seed", ("0", 0.5, None, -1, [0], 2**31)),
    },
    "Dictionary": {
        **_numbers(f.Dictionary, "size", NO_COUNTS),
        **_numbers(f.Dictionary, "reward_batch", NO_COUNTS),
        **_numbers(f.Dictionary, "pusher", ("best", None, 1)),
        **_numbers(f.Dictionary, "features", ("stored", None, 1)),
    },
    "VirtualStep": {
        **_numbers(f.VirtualStep, "rate", ("fast", -1, [0.1], True)),
        **_numbers(f.VirtualStep, "momentum", ("no", 0.9, [True])),
        **_numbers(f.VirtualStep, "hypergradient", ("exakt", 1, True)),
    },
    "MetaLoss": {
        **_numbers(f.MetaLoss, "smoothing", ("0.1", -0.1, 1, [0.1], True)),
        **_numbers(f.MetaLoss, "every", NO_COUNTS),
        **_numbers(f.MetaLoss, "statistics", ("mean", 1, True)),
    },
    "views": {
        **_numbers(CropFlip, "padding", ("4", 2.5, -1, None, [4])),
        **_numbers(CropFlip, "mode", ("reflected", None, 1)),
        **_numbers(Resize, "size", ("32", 0, -1, 2.5, None, [32])),
        **_numbers(ResizedCropFlip, "size", ("32", 0, -1, 2.5, None)),
        **_numbers(ResizedCropFlip, "central", ("1", 0, -1, 1.5, None)),
        **_numbers(ResizedCropFlip, "area", (0.5, (1, 0.5), ("a", "b"), ())),
    },
}
ARGUMENTS = DATA | {
    f"{owner}: {name}": case
    for owner, cases in METHODS.items()
    for name, case in cases.items()
}
