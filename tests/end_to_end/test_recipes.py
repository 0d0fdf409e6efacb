"""Every recipe trains through the command line."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image
from support import lookalikes
from support.fake_tfds import fake_cifar, fake_tfds
from support.paths import RUN_FILES

from fsr_gdw_tf.callbacks import Checkpoints
from fsr_gdw_tf.experiments import gin_config
from fsr_gdw_tf.experiments.compare import check_recipes
from fsr_gdw_tf.io.run_folder import RunFolder
from fsr_gdw_tf.networks.mentor import mentor_network

QUICK = [
    *("EPOCHS=2", "BATCH_SIZE=4", "META_PER_CLASS=1", "META_BATCH_SIZE=2"),
    *("DICTIONARY=None", "REWARD_BATCH=None", "FSR_WARMUP=1"),
]
SMALL_NETWORK = [
    "ClassifierConfig.network=@small_cnn",
    "small_cnn.widths=(4, 8)",
]


def fake_inaturalist(folder, classes):
    """Images of different sizes, as in the real one."""
    extra = {
        "id": tfds.features.Text(),
        "supercategory": tfds.features.ClassLabel(num_classes=2),
    }
    name = "i_naturalist2018"
    fake_tfds(folder, name, "1.0.0", "validation", classes, classes, extra)


def photographs(folder, per_class=12):
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        for i in range(per_class):
            Image.new("RGB", (40, 36), (i,) * 3).save(
                folder / name / f"{i}.jpg"
            )


def data_for(recipe: str, folder: Path) -> list[str]:
    """Settings that point a recipe at data of a few kilobytes."""
    if "cifar" in recipe:
        classes = 100 if "100" in recipe else 10
        # Noise must leave each class an image, and so must a tail of 0.1.
        each = 14 if "longtail" in recipe else 10
        # Beside the folders of the tests, so that several recipes share it.
        folder = folder.parents[1] / f"cifar{classes}_{each}"
        if not folder.exists():
            fake_cifar(folder, classes, n=each * classes)
        small = SMALL_NETWORK
        if recipe == "cifar10_noise.gin":  # 8 layers instead of 32
            network = "ClassifierConfig.network=@cifar_resnet"
            small = [network, "cifar_resnet.depth=8"]
        tail = ["IMBALANCE=0.1"] if "longtail" in recipe else []
        size = f"BATCH_SIZE={2 * classes // 5}"
        tail += ["TRAIN_EXAMPLES=60"] if "small" in recipe else []
        return [f'DATA_DIR="{folder}"', *small, *tail, size]
    if recipe == "inaturalist.gin":
        # TFDS knows its 8,142 classes, so each gets an image of 8 x 8 pixels.
        fake_inaturalist(folder, classes=8142)
        small = [
            "ClassifierConfig.network=@mlp",
            "mlp.hidden=(8,)",
            "BATCH_SIZE=1000",
        ]
        own = ["DICTIONARY=2000", "REWARD_BATCH=350", "META_PER_CLASS=0"]
        return [f'DATA_DIR="{folder}"', "IMAGE_SIZE=8", *small, *own]
    if recipe.startswith("digits"):
        return ["TRAIN_EXAMPLES=100", "small_cnn.widths=(4, 8)"]
    if recipe in ("webvision.gin", "clothing1m.gin"):
        return published(recipe, folder)
    photographs(folder)
    if recipe == "folder.gin":
        return [f'DATA_DIR="{folder}"', "IMAGE_SIZE=32"]
    lines = [f"{c}/{i}.jpg,{c}\n" for i in range(8) for c in ("cat", "dog")]
    (folder / "train.csv").write_text("path,label\n" + "".join(lines))
    size = "IMAGE_SIZE=32"
    return [f'TRAIN_LIST="{folder}/train.csv"', size, *SMALL_NETWORK]


def published(recipe: str, folder: Path) -> list[str]:
    """The same for data that are read as their authors publish them."""
    common = [f'DATA_DIR="{folder}"', "IMAGE_SIZE=32", "META_PER_CLASS=0"]
    if recipe == "clothing1m.gin":
        lookalikes.clothing1m(folder)
        return [*common, "BATCH_SIZE=14"]
    lookalikes.webvision(folder)
    lookalikes.imagenet(folder / "imagenet")
    small = ["ClassifierConfig.network=@resnet18", "BATCH_SIZE=20"]
    return [*common, *small, f'IMAGENET_DIR="{folder}/imagenet"']


# Those of file lists are trained twice below, and interrupted.
@pytest.mark.parametrize(
    "recipe", sorted({*RUN_FILES} - {"webvision.gin", "clothing1m.gin"})
)
def test_run_file_trains_two_epochs(recipe, tmp_path, command_line):
    settings = [*QUICK, *data_for(recipe, tmp_path / "data")]
    flags = [f"--gin_param={setting}" for setting in settings]
    run = tmp_path / "run"
    code, out, err = command_line(
        f"--gin_file=gin/{recipe}", f"--run_dir={run}", "--mode=train", *flags
    )
    assert code == 0, err
    rows = RunFolder(run).metrics()
    assert [row["epoch"] for row in rows] == [1, 2]
    assert all(np.isfinite(row["loss"]) for row in rows)
    # Both see the test images as the network is meant to see them.
    evaluated = json.loads((run / "evaluation.json").read_text())
    assert evaluated["accuracy"] == pytest.approx(rows[-1]["val_accuracy"])
    assert evaluated["loss"] == pytest.approx(rows[-1]["val_loss"], rel=1e-4)
    for name in ("DONE", "model.keras", "run.json", "operative_config.gin"):
        assert (run / name).is_file()
    assert f"Results: {run}" in out


@pytest.mark.parametrize(
    "recipe", ["webvision.gin", "inaturalist.gin", "clothing1m.gin"]
)
def test_large_recipes_resume_and_are_evaluated(
    recipe, tmp_path, command_line, monkeypatch
):
    """After a crash in the second epoch they end where they would have."""
    files, settings = [f"gin/{recipe}"], [*QUICK]
    if recipe == "inaturalist.gin":  # a few classes, where TFDS has thousands
        lookalikes.inaturalist_files(tmp_path / "data")
        files.append("gin/data/inaturalist_files.gin")
        settings += [f'DATA_DIR="{tmp_path}/data"', "META_PER_CLASS=0"]
    else:
        settings += data_for(recipe, tmp_path / "data")
    settings += [
        "ClassifierConfig.network=@mlp",
        "mlp.hidden=(8,)",
        "IMAGE_SIZE=8",
    ]
    flags = [f"--gin_file={name}" for name in files]
    flags += [f"--gin_param={setting}" for setting in settings]

    def train(name):
        run = f"--run_dir={tmp_path / name}"
        return command_line(*flags, run, "--mode=train")

    def logged(name):
        rows = RunFolder(tmp_path / name).metrics()
        return [
            {k: v for k, v in r.items() if k != "step_seconds"} for r in rows
        ]

    assert train("whole")[0] == 0
    saved = Checkpoints.on_epoch_end

    def crash(self, epoch, logs=None):
        saved(self, epoch, logs)
        raise RuntimeError("out of luck")

    monkeypatch.setattr(Checkpoints, "on_epoch_end", crash)
    with pytest.raises(RuntimeError, match="out of luck"):
        train("crashed")
    assert len(logged("crashed")) == 1
    monkeypatch.setattr(Checkpoints, "on_epoch_end", saved)
    assert train("crashed")[0] == 0
    assert logged("crashed") == logged("whole") and len(logged("whole")) == 2
    one, other = (
        json.loads((tmp_path / name / "evaluation.json").read_text())
        for name in ("whole", "crashed")
    )
    assert one == other
    last = logged("whole")[-1]
    assert np.isfinite(last["loss"])
    assert one["accuracy"] == pytest.approx(last["val_accuracy"])
    if recipe == "webvision.gin":
        # Of ImageNet's images, one of each of the 50 classes.
        assert len(one["imagenet"]["per_class_accuracy"]) == 50
        assert 0 <= one["imagenet"]["top5_accuracy"] <= 1
    if recipe != "clothing1m.gin":
        assert "weight_zero" in last, "FSR's weights were at work"
    if recipe == "inaturalist.gin":
        data = json.loads((tmp_path / "whole" / "run.json").read_text())["data"]
        assert (data["train"], data["test"]) == (18, 6)
        assert data["class_counts"] == [6, 6, 6]


def test_the_rows_of_webvisions_table_can_be_trained(tmp_path):
    """All of FSR's Table 5: recipes are built on the data as published.

    MentorNet needs a mentor, which is learned on other data.
    """
    data = [*QUICK, *data_for("webvision.gin", tmp_path / "data")]
    mentor_network().save(tmp_path / "mentor.keras")
    data += [
        *("ClassifierConfig.network=@mlp", "mlp.hidden=(8,)", "IMAGE_SIZE=8"),
        f"MENTOR='{tmp_path}/mentor.keras'",
    ]
    gin_config.parse(["gin/webvision.gin"], data)
    names = [*gin_config.value("COMPARE"), "mentornet_dd"]
    table = {"forward_correction", "d2l", "coteaching", "incv", "crust", "fsr"}
    assert table < {*names}
    check_recipes(
        (["gin/webvision.gin", f"gin/methods/{name}.gin"] for name in names),
        data,
    )
    assert gin_config.value("FORGET_RATE") == 0.2
