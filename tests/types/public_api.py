"""What `make types` checks with mypy: the public API, as a user calls it.

Nothing here is run. An `ignore` marks a mistake that must be found: mypy
complains about those that hide nothing.
"""

from pathlib import Path
from typing import Any, assert_type

import numpy as np

import fsr_gdw_tf
from fsr_gdw_tf import (
    ELR,
    FSR,
    GCE,
    GDW,
    Classifier,
    Dictionary,
    InputPipeline,
    MetaLoss,
    PosteriorWeights,
    SaveLabelRecords,
    SklearnClassifier,
    Source,
    Supervised,
    TrainingDynamics,
    VirtualStep,
    WeightNet,
    arrays,
    from_arrays,
    from_csv,
    from_dataframe,
    from_folder,
    from_tfds,
)


def train(model: Any, x: np.ndarray, y: np.ndarray) -> list[dict]:
    """As on the first page of the documentation."""
    classifier = Classifier.wrap(model)
    assert_type(classifier, Classifier)
    classifier.compile("adam", metrics=["accuracy"])
    classifier.fit(x, y, epochs=30, meta=(x, y), meta_in_training=True)
    assert_type(classifier.evaluate(x, y), list[float] | dict[str, float])
    assert_type(classifier.class_names, list[str])
    assert_type(classifier.predict(x), np.ndarray)
    assert_type(classifier.report("report"), Path)
    return classifier.label_issues()


def choose(model: Any) -> list[Classifier]:
    """A method is an object, a class or a name."""
    dictionary = Dictionary(size=100)
    return [
        Classifier.wrap(model, "gce"),
        Classifier.wrap(model, GCE),
        Classifier.wrap(model, Supervised(smoothing=0.1)),
        Classifier.wrap(model, FSR(), regularisers=[ELR(), PosteriorWeights()]),
        Classifier.wrap(
            model,
            GDW(
                meta=dictionary,
                weight_net=WeightNet(normalise=True),
                virtual_step=VirtualStep(ahead=False),
                meta_loss=MetaLoss(every=2),
            ),
            track_labels=TrainingDynamics(),
        ),
    ]


def load(x: np.ndarray, y: np.ndarray) -> list[Source]:
    """Every kind of data is a Source."""
    return [
        arrays(x, y),
        from_arrays(x, y, class_names=["cat", "dog"]),
        from_csv("labels.csv"),
        from_dataframe({"label": y}),
        from_folder(Path("photos")),
        from_tfds("cifar10"),
    ]


def others(path: Path) -> tuple[InputPipeline, SaveLabelRecords, str]:
    """What else is public."""
    SklearnClassifier(lambda shape, classes: None, "gdw", epochs=3)
    return InputPipeline(32), SaveLabelRecords(path), fsr_gdw_tf.__version__


def mistakes(model: Any, classifier: Classifier) -> None:
    """Types that are found to be wrong."""
    Classifier.wrap(model, 3)  # type: ignore[arg-type]
    classifier.fit(epochs="ten")  # type: ignore[arg-type]
    classifier.label_issues("0.5")  # type: ignore[arg-type]
    from_folder(7)  # type: ignore[arg-type]
    fsr_gdw_tf.Clasifier  # type: ignore[attr-defined]  # noqa: B018
