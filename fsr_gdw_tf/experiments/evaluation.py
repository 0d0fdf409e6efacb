"""Test the network of a run, and save it."""

from fsr_gdw_tf.classifier import Classifier
from fsr_gdw_tf.data import InputPipeline, Source, Splits
from fsr_gdw_tf.distribution import collectives
from fsr_gdw_tf.distribution.hosts import is_chief
from fsr_gdw_tf.io import files
from fsr_gdw_tf.io.run_folder import RunFolder


def evaluate(
    folder: RunFolder,
    splits: Splits,
    classifier: Classifier,
    pipeline: InputPipeline,
) -> dict:
    """Write the network, and its metrics on all test data; return these."""
    metrics = _metrics_on(classifier, splits.test, pipeline)
    for name, source in splits.others.items():
        metrics[name] = _metrics_on(classifier, source, pipeline)
    files.write_json(folder / "evaluation.json", metrics)
    if is_chief():
        classifier.save(folder / "model.keras")
    collectives.wait_for_all(classifier.distribute_strategy)
    return metrics


def _metrics_on(
    classifier: Classifier, source: Source, pipeline: InputPipeline
) -> dict:
    metrics = classifier.evaluate(
        source, pipeline=pipeline, verbose=0, return_dict=True
    )
    recalls = classifier.test_metrics[0].per_class().tolist()
    names = map(str, source.class_names)
    return metrics | {
        "per_class_accuracy": dict(zip(names, recalls, strict=True))
    }
