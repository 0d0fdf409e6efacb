"""The whole way: train, decide on suspected labels, train on what is left.

Of 100 images in two folders ten are in the wrong one; their names tell.
"""

import json
import re

import numpy as np
import pytest
from PIL import Image
from support.browser import WIDE
from support.review import serving

from fsr_gdw_tf.experiments import gin_config
from fsr_gdw_tf.experiments.experiment import Experiment
from fsr_gdw_tf.io.files import read_csv
from fsr_gdw_tf.io.run_folder import RunFolder
from fsr_gdw_tf.label_quality.label_records import FILE_NAME, read_records
from fsr_gdw_tf.label_review.review import review_server

FILES = ["gin/folder.gin", "gin/methods/supervised.gin"]
SETTINGS = [
    "InputPipeline.view=@Resize()",
    "Resize.size=8",
    "ClassifierConfig.network=@small_cnn",
    "small_cnn.widths=(4, 8)",
    "EPOCHS=10",
    "BATCH_SIZE=20",
    "LEARNING_RATE=0.05",
]
CLASSES = ("cat", "dog")
WRONG = 10  # of 100


def write_photos(root) -> None:
    """Write reddish cats and bluish dogs, some cats as dogs and vice versa."""
    rng = np.random.default_rng(0)
    for part, n in (("train", 50), ("test", 10)):
        for true, name in enumerate(CLASSES):
            for i in range(n):
                wrong = part == "train" and i < WRONG // 2
                folder = root / part / CLASSES[true ^ wrong]
                folder.mkdir(parents=True, exist_ok=True)
                pixels = rng.integers(0, 120, (8, 8, 3), np.uint8)
                pixels[..., 2 * true] += 100
                Image.fromarray(pixels).save(folder / f"{name}{i}.png")


def truth(name: str) -> str:
    """Return the class that an image shows."""
    return re.match("[a-z]+", str(name).rsplit("/", 1)[-1])[0]


def share_of_wrong(run) -> float:
    """Return the share of wrong labels that a run was trained on."""
    records = read_records(run / FILE_NAME)
    labels = [records.class_names[c] for c in records.given]
    wrong = [
        truth(name) != label
        for name, label in zip(records.names, labels, strict=True)
    ]
    return float(np.mean(np.array(wrong)[~records.held_out]))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a run on the images as they are, and its settings."""
    folder = tmp_path_factory.mktemp("photos")
    write_photos(folder / "photos")
    settings = [*SETTINGS, f"DATA_DIR='{folder / 'photos'}'"]
    gin_config.parse(FILES, settings)
    gin_config.instantiate(Experiment).train(RunFolder(folder / "run"))
    gin_config.gin.clear_config()
    return folder / "run", settings


@pytest.fixture
def apply_and_train(trained, report_line, command_line, tmp_path):
    """Return a function that applies decisions and trains on the result."""

    def run():
        before, settings = trained
        code, out, err = report_line(before, "--apply=decisions")
        assert code == 0 and "CLEANED=" in out, err
        cleaned = before / "report" / "cleaned.csv"
        flags = [f"--gin_file={file}" for file in FILES]
        params = [*settings, f"CLEANED='{cleaned}'"]
        flags += [f"--gin_param={param}" for param in params]
        after = tmp_path / "after"
        code, _, err = command_line(
            *flags, f"--run_dir={after}", "--mode=train"
        )
        assert code == 0, err
        return after

    yield run
    (trained[0] / "report" / "decisions.csv").unlink(missing_ok=True)


def assert_cleaner(before, after) -> None:
    """Fail unless fewer labels are wrong, and the report compares the runs."""
    assert share_of_wrong(before) == 0.1
    assert share_of_wrong(after) <= 0.02
    accuracy = {}
    for run in (before, after):
        results = json.loads((run / "evaluation.json").read_text())
        accuracy[run] = results["accuracy"]
    assert accuracy[after] >= accuracy[before]
    page = (after / "report" / "index.html").read_text(encoding="utf-8")
    assert "before cleaning" in page and ">Recall before</th>" in page
    old = json.loads((before / "evaluation.json").read_text())
    rows = read_csv(after / "report" / "class_summary.csv")
    assert {row["class"]: row["recall_before"] for row in rows} == (
        pytest.approx(old["per_class_accuracy"], abs=1e-4)
    )
    assert '<a href="#map">' in page  # of the trained network's features


def test_through_label_studio(trained, report_line, apply_and_train, tmp_path):
    run, _ = trained
    code, _, err = report_line(run, "--export=label_studio", "--top=20")
    assert code == 0, err
    tasks = json.loads((run / "report/label_studio/tasks.json").read_text())
    assert len(tasks) == 20
    for task in tasks:
        right = truth(task["data"]["name"])
        result = task["predictions"][0]["result"][0]
        result = result | {"value": {"choices": [right]}}
        annotation = {"result": [result], "was_cancelled": False}
        task |= {"id": task["data"]["index"] + 1, "annotations": [annotation]}
    file = tmp_path / "annotations.json"
    file.write_text(json.dumps(tasks))
    code, out, err = report_line(run, f"--import={file}")
    assert code == 0 and "20 new decisions" in out, err
    assert_cleaner(run, apply_and_train())


@pytest.mark.browser
def test_through_the_browser_with_keys(trained, browser, apply_and_train):
    run, _ = trained
    (run / "report" / "decisions.csv").unlink(missing_ok=True)
    with serving(review_server(RunFolder(run), reload=None)) as server:
        page = browser.new_page(viewport={"width": WIDE, "height": 800})
        page.goto(f"{server.address}#review")
        title = page.locator("#review-title")
        title.wait_for()
        n = int(re.match(r"1 of (\d+): ", title.inner_text())[1])
        for i in range(n):
            text = title.inner_text()
            assert text.startswith(f"{i + 1} of {n}: ")
            right = truth(text)
            relabel = page.locator("#relabel").inner_text()
            page.keyboard.press("r" if right in relabel else "k")
            decided = page.locator(f"#progress[value='{i + 1}']")
            decided.wait_for(state="attached")
        page.close()
    assert len(read_csv(run / "report" / "decisions.csv")) == n
    assert_cleaner(run, apply_and_train())
