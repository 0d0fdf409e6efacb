"""Experiment trackers get every number of `fit` by their own callbacks."""

import pytest
from support.models import blobs, classifier

from fsr_gdw_tf import GDW

LOGGED = {"loss", "accuracy", "val_accuracy", "weight_std"}


def fit(callback) -> dict[str, float]:
    """Train two epochs with a callback; return the last epoch's numbers."""
    model = classifier(GDW())
    model.compile("sgd", run_eagerly=True)
    history = model.fit(
        *blobs(n=12),
        validation_data=blobs(n=12),
        meta=blobs(n=12, seed=7),
        epochs=2,
        verbose=0,
        callbacks=[callback],
    ).history
    assert set(history) >= LOGGED
    return {name: values[-1] for name, values in history.items()}


def test_tensorboard(tmp_path):
    event_files = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="needs tensorboard",
    )
    import keras

    expected = fit(keras.callbacks.TensorBoard(tmp_path, write_graph=False))
    events = event_files.EventAccumulator(str(tmp_path / "train"))
    events.Reload()
    tags = events.Tags()
    found = {name.removeprefix("epoch_") for name in tags["tensors"]}
    assert {"loss", "accuracy", "weight_std"} <= found
    assert len(events.Tensors("epoch_loss")) == 2
    assert set(expected) >= LOGGED


def test_weights_and_biases(tmp_path, monkeypatch):
    wandb = pytest.importorskip("wandb", reason="needs wandb")
    integration = pytest.importorskip("wandb.integration.keras")
    monkeypatch.setenv("WANDB_SILENT", "true")
    with wandb.init(mode="offline", dir=tmp_path) as run:
        expected = fit(integration.WandbMetricsLogger())
        summary = dict(run.summary)
    for name in LOGGED:
        assert summary[f"epoch/{name}"] == pytest.approx(expected[name])


def test_mlflow(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="needs mlflow")
    tracked = pytest.importorskip("mlflow.tensorflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri(tmp_path.as_uri())
    mlflow.set_experiment("training")
    with mlflow.start_run() as run:
        expected = fit(tracked.MlflowCallback(run))
    found = mlflow.get_run(run.info.run_id).data.metrics
    for name in LOGGED:
        key = name.replace("val_", "validation_", 1)
        assert found[key] == pytest.approx(expected[name])
