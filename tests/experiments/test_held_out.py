"""A folder of 49 images is trained on, and its report has all of them."""

import csv
import json
import shutil

import keras
import numpy as np
import pytest
from PIL import Image
from support.runs import one_line

from fsr_gdw_tf.data import ResizedCropFlip, from_folder
from fsr_gdw_tf.experiments import automatic, gin_config
from fsr_gdw_tf.experiments.experiment import Experiment

COLOURS = {"blue": (60, 80, 190), "green": (60, 190, 80), "red": (190, 60, 80)}
SIZES = {"blue": 17, "green": 16, "red": 16}


@pytest.fixture
def photos(tmp_path):
    """49 noisy images of three colours; three lie in a wrong folder.

    Two of these are identical to images in the right one.
    """
    rng = np.random.default_rng(0)
    root = tmp_path / "photos"
    for name, colour in COLOURS.items():
        (root / name).mkdir(parents=True)
        for i in range(SIZES[name] - (2 if name == "red" else 0)):
            noise = rng.normal(0, 60, (40, 50, 3)) + rng.normal(0, 25, 3)
            pixels = np.clip(colour + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(root / name / f"{name}{i:02}.png")
    (root / "blue" / "blue00.png").rename(root / "green" / "blue00.png")
    shutil.copy(root / "blue" / "blue01.png", root / "red" / "blue01.png")
    shutil.copy(root / "green" / "green02.png", root / "red" / "green02.png")
    return root


def train(command_line, photos, run, *params):
    flags = [f"--gin_param={param}" for param in params]
    return command_line(
        "--gin_file=gin/folder.gin",
        f"--gin_param=DATA_DIR='{photos}'",
        f"--run_dir={run}",
        "--mode=train",
        *flags,
    )


def test_every_image_of_a_folder_is_learned_from_or_scored(
    photos, tmp_path, command_line
):
    """With the chosen settings, but for the epochs, 60 of which take long."""
    run = tmp_path / "run"
    code, out, err = train(command_line, photos, run, "EPOCHS=8")
    assert code == 0, err
    assert "BATCH_SIZE=8 " in out and "  EPOCHS=" not in out
    assert "2 group(s) of identical files have different labels" in out
    # A guess of the largest class is right for 17 of 49.
    truth = from_folder(photos, view=ResizedCropFlip(32))
    names = [name.split("/")[-1][:-6] for name in truth.all_names()]
    images = truth.load(range(49), ResizedCropFlip(32).test)
    guess = keras.models.load_model(run / "model.keras").predict(
        images, verbose=0
    )
    right = np.array(sorted(COLOURS))[guess.argmax(1)] == names
    assert right.mean() > 0.6
    with (run / "report" / "label_issues.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["name"] for row in rows} == set(truth.all_names())
    held_out = [row for row in rows if "held out" in row["reasons"]]
    about = json.loads((run / "run.json").read_text())["data"]
    assert (about["train"], about["test"]) == (44, 5)
    assert len(held_out) == 5
    page = (run / "report" / "index.html").read_text()
    assert '<section id="copies">' in page and "green02.png" in page


def test_decisions_on_held_out_images_apply_as_well(photos, tmp_path):
    """A list with all right labels leaves no wrong one, in both sets."""
    truth = from_folder(photos)
    lines = [f"{n},{n.split('/')[-1][:-6]}" for n in truth.all_names()]
    (tmp_path / "right.csv").write_text("path,label\n" + "\n".join(lines))
    params = [f"DATA_DIR='{photos}'", f"CLEANED='{tmp_path}/right.csv'"]
    gin_config.parse(["gin/folder.gin"], params)
    automatic.apply_choices(quiet=True)
    splits = gin_config.instantiate(Experiment).data()
    assert (len(splits.train), len(splits.test)) == (44, 5)
    for source in (splits.train, splits.test):
        for name, label in zip(source.all_names(), source.labels, strict=True):
            file = name.rpartition("/")[2]
            assert file.startswith(sorted(COLOURS)[label])


def test_a_cleaned_list_of_other_images_is_refused(
    photos, tmp_path, command_line
):
    (tmp_path / "other.csv").write_text("path,label\nelsewhere.png,red\n")
    cleaned = f"CLEANED='{tmp_path}/other.csv'"
    code, _, err = train(command_line, photos, tmp_path / "run", cleaned)
    assert code == 2 and one_line(err) and "are not in the training set" in err
