"""Every file in gin/ can be used, and run files really train."""

import json
import re
from pathlib import Path

import gin
import lookalikes
import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from fsr_gdw_tf import Classifier
from fsr_gdw_tf.callbacks import Checkpoints
from fsr_gdw_tf.experiments import gin_config
from fsr_gdw_tf.experiments.experiment import Experiment
from fsr_gdw_tf.io.run_folder import RunFolder
from fsr_gdw_tf.methods import METHODS
from fsr_gdw_tf.regularisers import REGULARISERS

ROOT = Path(__file__).parent.parent
RUN_FILES = sorted(p.name for p in ROOT.glob("gin/*.gin") if p.stem != "base")
PARTS = sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("gin/*/*.gin"))
QUICK = [
    *("EPOCHS=2", "BATCH_SIZE=4", "META_PER_CLASS=1", "META_BATCH_SIZE=2"),
    *("DICTIONARY=None", "REWARD_BATCH=None", "FSR_WARMUP=1"),
]


@pytest.fixture(autouse=True)
def clean_gin():
    yield
    gin.clear_config()


def fake_cifar(folder, name, classes, n):
    """A prepared TFDS data set that goes by the name of a real one."""
    extra = {"id": tfds.features.Text()}
    if classes == 100:
        extra["coarse_label"] = tfds.features.ClassLabel(num_classes=20)
    fake_tfds(folder, name, "3.0.2", "test", classes, n, extra)


def fake_inaturalist(folder, classes):
    """Images of different sizes, as in the real one."""
    extra = {
        "id": tfds.features.Text(),
        "supercategory": tfds.features.ClassLabel(num_classes=2),
    }
    name = "i_naturalist2018"
    fake_tfds(folder, name, "1.0.0", "validation", classes, classes, extra)


def fake_tfds(folder, name, version, held, classes, n, extra):
    """Random images with the features of a real data set."""
    rng = np.random.default_rng(0)
    shape = (32, 32, 3) if name.startswith("cifar") else (None, None, 3)
    features = tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(shape=shape),
            "label": tfds.features.ClassLabel(num_classes=classes),
            **extra,
        }
    )

    def example(i):
        size = shape[:2] if shape[0] else (8 + i % 3, 8)
        image = rng.integers(0, 256, (*size, 3)).astype("uint8")
        more = {"id": f"{i:05d}", "coarse_label": i % 20, "supercategory": 0}
        more = {key: more[key] for key in extra}
        return f"{i:05d}", {"image": image, "label": i % classes, **more}

    examples = [example(i) for i in range(n)]
    tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        version=version,
        features=features,
        split_datasets={"train": examples, held: examples[:8]},
        data_dir=str(folder),
        file_format=None if shape[0] else "array_record",
    )


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
        name = f"cifar{classes}"
        # Noise must leave each class an image, and so must a tail of 0.1.
        each = 14 if "longtail" in recipe else 10
        fake_cifar(folder, name, classes, n=each * classes)
        # The same recipe on a network of 8 layers instead of 32.
        small = [
            "ClassifierConfig.network=@cifar_resnet",
            "cifar_resnet.depth=8",
        ]
        tail = ["IMBALANCE=0.1"] if "longtail" in recipe else []
        size = f"BATCH_SIZE={2 * classes // 5}"
        small += ["TRAIN_EXAMPLES=60"] if "small" in recipe else []
        return [f'DATA_DIR="{folder}"', *small, *tail, size]
    if recipe == "inaturalist.gin":
        # TFDS knows its 8,142 classes, so each gets an image of 8 x 8 pixels.
        fake_inaturalist(folder, classes=8142)
        small = [
            "ClassifierConfig.network=@mlp",
            "mlp.hidden=(8,)",
            "BATCH_SIZE=256",
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
    return [f'TRAIN_LIST="{folder}/train.csv"', "IMAGE_SIZE=32"]


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


def test_inaturalist_trains_on_the_official_files(tmp_path, command_line):
    lookalikes.inaturalist_files(tmp_path / "data")
    settings = [
        *(*QUICK, f'DATA_DIR="{tmp_path}/data"', "IMAGE_SIZE=8"),
        *(
            "META_PER_CLASS=0",
            "ClassifierConfig.network=@mlp",
            "mlp.hidden=(8,)",
        ),
    ]
    run = tmp_path / "run"
    code, _, err = command_line(
        "--gin_file=gin/inaturalist.gin",
        "--gin_file=gin/data/inaturalist_files.gin",
        *(f"--run_dir={run}", "--mode=train"),
        *(f"--gin_param={setting}" for setting in settings),
    )
    assert code == 0, err
    assert len(RunFolder(run).metrics()) == 2
    data = json.loads((run / "run.json").read_text())["data"]
    assert (data["train"], data["test"]) == (18, 6)
    assert data["class_counts"] == [6, 6, 6]


@pytest.mark.parametrize("recipe", RUN_FILES)
def test_run_file_opens_with_its_recipe_card(recipe):
    card = (ROOT / "gin" / recipe).read_text().split("\ninclude")[0]
    assert all(line.startswith("#") for line in card.splitlines())
    for heading in ("# Trains:", "# Paper:", "# Run:"):
        assert heading in card
    assert f"--gin_file=gin/{recipe}" in card


@pytest.mark.parametrize("part", PARTS)
def test_part_goes_with_the_base(part):
    gin_config.parse(["gin/digits.gin", part])
    built = gin_config.instantiate(Experiment)
    assert callable(built.data) and built.epochs == 60


@pytest.mark.parametrize("path", sorted(ROOT.glob("gin/methods/*.gin")))
def test_method_file_builds_its_method(path):
    """The name of the file is the name of what it sets."""
    gin_config.parse(["gin/digits.gin", f"gin/methods/{path.name}"])
    experiment = gin_config.instantiate(Experiment)
    classifier = experiment.classifier()
    parts = [classifier.method, *classifier.regularisers]
    names = [type(p).__name__.lower() for p in parts]
    words = path.stem.replace("label_smoothing", "supervised").split("_")
    heads = {"".join(words[:k]) for k in range(1, len(words) + 1)}
    assert heads & set(names)
    if path.stem == "label_smoothing":
        assert classifier.method.smoothing == 0.1
    if path.stem.endswith("_clean"):
        assert experiment.data().meta_in_training
    if path.stem == "gdw_head":
        assert classifier.method.scope == "head"


def test_every_method_has_its_file():
    stems = {p.stem.replace("_", "") for p in ROOT.glob("gin/methods/*.gin")}
    assert {m.__name__.lower() for m in METHODS} <= stems
    assert {r.__name__.lower() for r in REGULARISERS} <= stems


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        ("cifar10_noise", {"outer_rate": 100.0, "cap": 0.999, "clip": 0.2}),
        ("cifar100_noise", {"outer_rate": 1000.0, "floor": 1e-6, "l2": 1e-4}),
        ("cifar10_longtail", {"outer_rate": 100.0, "warmup": 0}),
        ("cifar100_longtail", {"outer_rate": 1000.0, "scope": "all"}),
    ],
)
def test_gdws_recipes_build_gdws_constants(recipe, expected):
    gin_config.parse([f"gin/{recipe}.gin"])
    experiment = gin_config.instantiate(Experiment)
    classifier = experiment.classifier()
    method = classifier.method
    assert {name: getattr(method, name) for name in expected} == expected
    assert float(method.optimizer.learning_rate) == pytest.approx(1e-3)
    assert (classifier.l2, experiment.epochs) == (5e-4, 80)
    assert (
        experiment.pipeline.batch_size
        == experiment.pipeline.meta_batch_size
        == 100
    )
    assert float(experiment.schedule()(40)) == pytest.approx(0.05)


# Table 4 of FSR and its scripts: K, q, E, rule, p (None: no re-labelling),
# epochs, batch, and the learning rate at the beginning of some epochs.
FSR_TABLE = {
    "fsr_cifar10_noise": (
        *(2000, 200, 20, "clip", 2.0, 127, 100),
        {0: 0.1, 1: 0.09, 3: 0.081, 63: 0.1 * 0.9**6},
    ),
    "fsr_cifar100_noise": (2000, 200, 20, "clip", 2.0, 127, 100, {0: 0.1}),
    "fsr_cifar10_longtail": (
        *(3000, 800, 160, "shift", None, 200, 128),
        {0: 0.1, 159: 0.1, 160: 1e-3, 179: 1e-3, 180: 1e-5},
    ),
    "fsr_cifar100_longtail": (
        *(3000, 800, 160, "shift", None, 200, 128),
        {0: 0.1},
    ),
    "fsr_cifar10_longtail_noise": (
        *(2000, 200, 160, "clip", 2.0, 200, 128),
        {160: 1e-3},
    ),
    "webvision": (
        *(5000, 200, 20, "clip", 1.0, 130, 128),
        {0: 0, 1.5: 0.05, 3: 0.1, 4: 0.09},
    ),
    "inaturalist": (
        *(2000, 350, 60, "shift", None, 90, 256),
        {0: 0.1, 29: 0.1, 30: 0.01, 60: 1e-3, 80: 1e-4},
    ),
}


@pytest.mark.parametrize("recipe", FSR_TABLE)
def test_fsrs_recipes_build_fsrs_constants(recipe):
    gin_config.parse([f"gin/{recipe}.gin"])
    experiment = gin_config.instantiate(Experiment)
    classifier = experiment.classifier()
    method, extras = classifier.method, classifier.regularisers
    dictionary = method.dictionary
    found = (
        *(dictionary.size, dictionary.reward_batch, method.warmup),
        *(method.rule.__name__, extras[-1].weight if extras else None),
        *(experiment.epochs, experiment.pipeline.batch_size),
    )
    *expected, rates = FSR_TABLE[recipe]
    assert list(found) == expected
    assert (dictionary.momentum, method.virtual_rate) == (0.9, 0.1)
    assert dictionary.pusher.__name__ == "meta_margin" and not dictionary.bank
    assert (method.meta_statistics, method.scope) == ("joint", "head")
    assert method.virtual_l2 and method.meta_l2 and classifier.ema == 0.999
    assert [type(e).__name__ for e in extras] in ([], ["MixUp", "Relabel"])
    longtail = expected[3] == "shift"
    assert method.smoothing == (0.1 if longtail else 0.0)
    schedule = experiment.schedule()
    for epoch, rate in rates.items():
        assert float(schedule(float(epoch))) == pytest.approx(rate, rel=1e-4)


def test_digits_recipe_is_what_its_card_says():
    gin_config.parse(["gin/digits.gin"])
    experiment = gin_config.instantiate(Experiment)
    splits, classifier = experiment.prepare()
    assert isinstance(classifier, Classifier)
    sizes = len(splits.train), len(splits.meta), len(splits.test)
    assert sizes == (1247, 50, 500)
    wrong = np.mean(splits.train.labels != splits.train.true_labels)
    assert 0.36 < wrong < 0.44
    assert classifier.l2 == 5e-4 and classifier.optimizer.momentum == 0.9
    assert float(classifier.optimizer.learning_rate) == pytest.approx(0.1)


def test_included_names_are_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gin_config.parse(["gin/digits.gin"])
    assert gin_config.value("NOISE") == 0.4


def test_the_current_folder_comes_first(tmp_path, monkeypatch):
    (tmp_path / "gin").mkdir()
    text = "include 'gin/base.gin'\nEPOCHS = 7\n"
    (tmp_path / "gin" / "digits.gin").write_text(text)
    monkeypatch.chdir(tmp_path)
    gin_config.parse(["gin/digits.gin"])
    assert gin_config.value("EPOCHS") == 7


def test_knobs_of_the_base_are_explained():
    lines = (ROOT / "gin" / "base.gin").read_text().splitlines()
    knobs = [line for line in lines if re.match(r"[A-Z0-9_]+ = ", line)]
    assert len(knobs) > 10
    silent = [k for k in knobs if "#" not in k]
    known = {"EPOCHS", "BATCH_SIZE", "META_BATCH_SIZE", "LEARNING_RATE"}
    assert {k.split(" = ")[0] for k in silent} <= known
