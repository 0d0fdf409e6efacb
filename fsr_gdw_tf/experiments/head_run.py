"""A run that trains no network: a head is fitted to one that is trained."""

import time
from collections.abc import Sequence

import keras

from fsr_gdw_tf.classifier import Classifier
from fsr_gdw_tf.data import Splits
from fsr_gdw_tf.experiments import gin_config, run_info
from fsr_gdw_tf.experiments.evaluation import evaluate as test_network
from fsr_gdw_tf.experiments.experiment import Experiment
from fsr_gdw_tf.io.files import write_csv
from fsr_gdw_tf.io.network_files import load_network
from fsr_gdw_tf.io.run_folder import NETWORK, RunFolder, summary
from fsr_gdw_tf.networks.generative_head import saved_parts
from fsr_gdw_tf.networks.split import Parts


def train(
    experiment: Experiment, folder: RunFolder, command: Sequence[str] = ()
) -> dict:
    """Fit the head, test it and save it with its network; return the summary.

    metrics.csv has one row, and as `step_seconds` the time of fitting.
    """
    with folder.open(gin_config.config_string()):
        if folder.done and not folder.lost_files():
            folder.print_done()
            return folder.summary()
        with folder.failure_recorded():
            splits = _load(experiment)
            info = run_info.device_info(experiment.devices, 1)
            run_info.write_run_info(
                folder, splits, experiment.seed, command, info
            )
            start = time.perf_counter()
            parts = experiment.head().fit(
                splits.train, splits.meta, experiment.test_pipeline
            )
            seconds = time.perf_counter() - start
            found = _test(experiment, folder, splits, parts)
            rows = [{"epoch": 1, **_logs(found), "step_seconds": seconds}]
            write_csv(folder / "metrics.csv", rows)
        folder.finish(summary(rows))
        return folder.summary()


def evaluate(experiment: Experiment, folder: RunFolder) -> dict:
    """Test the saved network with its head again; return the metrics."""
    folder.check(gin_config.config_string())
    with folder.lock():
        splits = _load(experiment)
        parts = saved_parts(load_network(folder / NETWORK))
        return _test(experiment, folder, splits, parts)


def _load(experiment: Experiment) -> Splits:
    with experiment.devices.scope():
        keras.utils.set_random_seed(experiment.seed)
        return experiment.data()


def _test(
    experiment: Experiment, folder: RunFolder, splits: Splits, parts: Parts
) -> dict:
    """Write model.keras and evaluation.json; return the metrics."""
    classifier = Classifier(*parts, track_labels=False)
    classifier.compile()
    return test_network(folder, splits, classifier, experiment.test_pipeline)


def _logs(metrics: dict) -> dict:
    """Return the numbers as a row of metrics.csv names them."""
    return {
        f"val_{name}": value
        for name, value in metrics.items()
        if isinstance(value, float)
    }
