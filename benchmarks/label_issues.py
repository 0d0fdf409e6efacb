"""Measure how well label issues are found, against two baselines.

    pip install -e '.[benchmark]'
    python benchmarks/label_issues.py --data_dir=tfds --csv=label_issues.csv

Real CIFAR-10, a random fifth of its training images, 40 % of their labels
moved to another class; a small CNN. Ours: the score of one training run, for
each method. Baselines: the loss of the plain run after training, and cleanlab's
self-confidence from five-fold predictions of the same network.

AUROC and average precision (AP) of the wrong labels, precision among the 1,000
most suspicious ones, and the seconds of all training that is needed. `clean` is
the number of clean images that the method had as well. The label records of
each run are written beside the table, as Parquet.
"""

import dataclasses
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from absl import app, flags
from sklearn.metrics import average_precision_score, roc_auc_score

from fsr_gdw_tf.command_line import parse_flags
from fsr_gdw_tf.experiments import gin_config
from fsr_gdw_tf.experiments.experiment import Experiment
from fsr_gdw_tf.io.console import print_table
from fsr_gdw_tf.io.files import write_csv
from fsr_gdw_tf.label_quality.label_issues import find_label_issues
from fsr_gdw_tf.label_quality.label_records import (
    collect_records,
    write_records,
)

FLAGS = flags.FLAGS
flags.DEFINE_string("data_dir", None, "The folder that holds cifar10/.")
flags.DEFINE_string("csv", "label_issues.csv", "CSV file to write.")
flags.DEFINE_integer("epochs", 60, "Epochs of each training run.")
flags.DEFINE_integer("examples", 10_000, "Number of training images.")
flags.DEFINE_float("noise", 0.4, "Share of wrong labels.")
flags.DEFINE_string("kind", "uniform", "NOISE_KIND.")
flags.DEFINE_integer("seed", 0, "SEED.")
flags.DEFINE_integer("folds", 5, "Folds of the predictions for cleanlab.")
flags.DEFINE_list(
    "methods",
    ["supervised", "mixup_relabel", "fsr", "gdw_dictionary", "gdw"],
    "Names of files in gin/methods/.",
)
BASELINES = ("loss of the plain run", "cleanlab, self-confidence")


def settings() -> list[str]:
    """Return the bindings that differ from gin/cifar10_noise.gin."""
    return [
        f"TRAIN_EXAMPLES={FLAGS.examples}",
        f"EPOCHS={FLAGS.epochs}",
        f"NOISE={FLAGS.noise}",
        f"NOISE_KIND={FLAGS.kind!r}",
        f"DATA_DIR={FLAGS.data_dir!r}",
        f"SEED={FLAGS.seed}",
        "ClassifierConfig.network=@tiny_cnn",
        "LEARNING_RATE=0.05",
        "DICTIONARY=500",
        "REWARD_BATCH=100",
        f"WARMUP={FLAGS.epochs // 5}",
        "WEIGHT_NET_RATE=3e-3",
        "OUTER_RATE=None",
    ]


def train(method: str, splits=None):
    """Train; return (splits, classifier, experiment, seconds)."""
    keras.backend.clear_session()
    files = ["gin/cifar10_noise.gin", f"gin/methods/{method}.gin"]
    gin_config.parse(files, settings())
    experiment = gin_config.instantiate(Experiment)
    splits, classifier = experiment.prepare(splits)
    start = time.perf_counter()
    classifier.fit(
        splits.train,
        meta=splits.meta if classifier.method.uses_meta else None,
        pipeline=experiment.pipeline,
        epochs=FLAGS.epochs,
        verbose=0,
    )
    return splits, classifier, experiment, time.perf_counter() - start


def predict(classifier, source) -> np.ndarray:
    """Return class probabilities."""
    return classifier.predict(source, batch_size=500, verbose=0)


def out_of_sample(splits) -> tuple[np.ndarray, float]:
    """Return (cross-validated predictions, seconds of training)."""
    train_set, seconds = splits.train, 0.0
    fold = np.random.default_rng(FLAGS.seed).permutation(len(train_set))
    fold %= FLAGS.folds
    probs = np.zeros((len(train_set), train_set.classes))
    for f in range(FLAGS.folds):
        rest = train_set.subset(np.flatnonzero(fold != f))
        _, classifier, _, fold_seconds = train(
            "supervised", dataclasses.replace(splits, train=rest)
        )
        held = np.flatnonzero(fold == f)
        probs[held] = predict(classifier, train_set.subset(held))
        seconds += fold_seconds
    return probs, seconds


def row(name, source, score, seconds, accuracy="", clean=0) -> dict:
    """Return how well a score finds the wrong labels."""
    wrong = source.labels != source.true_labels
    worst = np.argsort(-score, kind="stable")[:1000]
    return {
        "ranked by": name,
        "clean": clean,
        "accuracy": accuracy,
        "AUROC": round(float(roc_auc_score(wrong, score)), 4),
        "AP": round(float(average_precision_score(wrong, score)), 4),
        "P@1000": round(float(wrong[worst].mean()), 3),
        "seconds": round(seconds, 1),
    }


def ours(method: str, splits) -> tuple:
    """Train a method; return (splits, classifier, seconds, our row)."""
    splits, classifier, experiment, seconds = train(method, splits)
    test = classifier.evaluate(
        splits.test,
        pipeline=experiment.test_pipeline,
        verbose=0,
        return_dict=True,
    )
    records = collect_records(classifier)
    write_records(Path(FLAGS.csv).with_suffix(f".{method}.parquet"), records)
    issues = find_label_issues(records)
    score = np.empty(len(splits.train))
    score[issues.order] = -np.arange(len(score))
    clean = len(splits.meta) if classifier.method.uses_meta else 0
    accuracy = round(test["accuracy"], 3)
    ours_row = row(
        f"ours, {method}", splits.train, score, seconds, accuracy, clean
    )
    ours_row["estimated"] = round(float(issues.score.mean()), 3)
    return splits, classifier, seconds, ours_row


def main(argv) -> None:
    """Train all methods; write each row as it comes."""
    from cleanlab.rank import get_label_quality_scores

    rows, splits = [], None
    for method in FLAGS.methods:
        splits, classifier, seconds, ours_row = ours(method, splits)
        rows.append(ours_row)
        if method == "supervised":
            labels = splits.train.labels
            probs = predict(classifier, splits.train)
            loss = -np.log(probs[np.arange(len(labels)), labels] + 1e-12)
            rows.append(row(BASELINES[0], splits.train, loss, seconds))
        write_csv(FLAGS.csv, rows, list(rows[0]))
        print(rows[-1], flush=True)
    probs, seconds = out_of_sample(splits)
    quality = get_label_quality_scores(
        splits.train.labels, probs, method="self_confidence"
    )
    rows.append(row(BASELINES[1], splits.train, -quality, seconds))
    write_csv(FLAGS.csv, rows, list(rows[0]))
    blank = dict.fromkeys(rows[0], "")
    texts = [{k: str(v) for k, v in (blank | r).items()} for r in rows]
    print_table("Finding wrong labels", texts)


if __name__ == "__main__":
    app.run(main, flags_parser=parse_flags)
