"""The command line, from flags to the run folder."""

import csv
import json
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image
from support.runs import TINY, one_line, train_run

from fsr_gdw_tf.io.run_folder import RunFolder


@pytest.fixture(scope="module")
def first_run(tmp_path_factory):
    """Return the folder of a run that several tests copy."""
    return tmp_path_factory.mktemp("runs") / "first"


@pytest.fixture
def run(first_run, tmp_path, command_line):
    """Return the folder of a finished run; the first test trains it.

    What that printed is in the file "printed" beside it.
    """
    if not (first_run / "DONE").exists():
        out = train_run(command_line, first_run, "--mode=train")
        first_run.with_name("printed").write_text(out)
    return shutil.copytree(first_run, tmp_path / "run")


def test_run_folder_tells_the_whole_story(run, first_run):
    out = first_run.with_name("printed").read_text()
    about = json.loads((run / "run.json").read_text())
    assert about["data"]["train"] == 120 and about["data"]["meta"] == 20
    assert sum(about["data"]["class_counts"]) == 120
    assert 0.2 < about["data"]["realised_noise"] < 0.6
    assert about["seed"] == 0 and about["devices"]
    assert (about["strategy"], about["replicas"]) == ("auto", 1)
    assert about["versions"]["keras"] == keras.__version__
    assert "--mode=train" in about["command"]
    with (run / "corruption_matrix.csv").open() as file:
        matrix = [[int(v) for v in r[1:]] for r in list(csv.reader(file))[1:]]
    wrong = 120 - np.trace(matrix)
    assert np.sum(matrix) == 120
    assert about["data"]["realised_noise"] == pytest.approx(wrong / 120)
    assert "prepare.meta_per_class" in (run / "config.gin").read_text()
    assert "SGD.momentum" in (run / "operative_config.gin").read_text()
    measured = json.loads((run / "evaluation.json").read_text())
    last = RunFolder(run).metrics()[-1]
    assert measured["accuracy"] == pytest.approx(last["val_accuracy"])
    assert len(measured["per_class_accuracy"]) == 10
    assert last["step_seconds"] > 0
    assert f"test_accuracy_last: {last['val_accuracy']:.4g}" in out
    assert not (run / "FAILED").exists()


def test_saved_network_is_the_one_that_was_tested(run):
    network = keras.models.load_model(run / "model.keras")
    from fsr_gdw_tf.data import digits

    test = digits().test
    guess = network.predict(test.load(range(500)), verbose=0).argmax(1)
    measured = json.loads((run / "evaluation.json").read_text())
    assert np.mean(guess == test.labels) == pytest.approx(measured["accuracy"])


def test_evaluate_finds_the_same_numbers(run, command_line):
    before = (run / "evaluation.json").read_text()
    out = train_run(command_line, run, "--mode=evaluate")
    assert (run / "evaluation.json").read_text() == before
    assert "balanced_accuracy: " in out


def test_evaluate_without_a_run_is_refused(tmp_path, command_line):
    code, _, err = command_line(
        *TINY, f"--run_dir={tmp_path}/none", "--mode=evaluate"
    )
    assert code == 2 and "has no checkpoint; run --mode=train first" in err


def test_a_finished_run_is_not_run_again(run, command_line):
    before = (run / "model.keras").stat().st_mtime_ns
    assert "done already" in train_run(command_line, run, "--mode=train")
    assert (run / "model.keras").stat().st_mtime_ns == before


def test_another_configuration_is_refused_with_the_difference(
    run, command_line
):
    code, _, err = command_line(
        *TINY, f"--run_dir={run}", "--gin_param=NOISE=0.2"
    )
    assert code == 2 and one_line(err)
    assert "- NOISE = 0.4" in err and "+ NOISE = 0.2" in err


def test_a_folder_with_other_things_is_refused(tmp_path, command_line):
    (tmp_path / "thesis.tex").write_text("precious")
    code, _, err = command_line(*TINY, f"--run_dir={tmp_path}")
    assert code == 2 and "which holds other files; choose another" in err


def test_evaluating_with_another_configuration_is_refused(run, command_line):
    before = (run / "evaluation.json").read_text()
    code, _, err = command_line(
        *TINY,
        f"--run_dir={run}",
        "--mode=evaluate",
        "--gin_param=SEED=1",
    )
    assert code == 2 and "+ SEED = 1" in err
    assert (run / "evaluation.json").read_text() == before


def test_resuming_on_other_data_is_refused(run, command_line):
    (run / "DONE").unlink()
    about = json.loads((run / "run.json").read_text())
    about["data"]["fingerprint"] = "other"
    (run / "run.json").write_text(json.dumps(about))
    code, _, err = command_line(*TINY, f"--run_dir={run}", "--mode=train")
    assert code == 2 and "the data have changed since" in err


def test_a_file_in_place_of_the_run_folder(tmp_path, command_line):
    (tmp_path / "run").write_text("")
    code, _, err = command_line(*TINY, f"--run_dir={tmp_path}/run")
    assert code == 2 and "expected a folder as --run_dir, got the file" in err


def test_undecodable_images_are_counted_once(tmp_path, command_line):
    for name in ("cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(10):
            image = Image.new("RGB", (20, 20), (i,) * 3)
            image.save(tmp_path / "photos" / name / f"{i}.jpg")
    (tmp_path / "photos" / "cat" / "broken.jpg").write_bytes(b"no image")
    run = tmp_path / "run"
    code, out, err = command_line(
        "--gin_file=gin/folder.gin",
        "--gin_file=gin/methods/supervised.gin",
        f"--gin_param=DATA_DIR='{tmp_path}/photos'",
        "--gin_param=EPOCHS=1",
        "--gin_param=IMAGE_SIZE=16",
        "--gin_param=BATCH_SIZE=6",
        "--gin_param=ClassifierConfig.network=@small_cnn",
        "--gin_param=small_cnn.widths=(4, 8)",
        f"--run_dir={run}",
    )
    assert code == 0, err
    assert "1 image(s) cannot be decoded" in out
    assert (run / "undecodable.csv").read_text().count("broken.jpg") == 1
    about = json.loads((run / "run.json").read_text())
    assert about["data"]["undecodable"] == 1


def test_the_logged_rate_is_the_one_of_its_epoch(run):
    """Cosine over three epochs: .1, .1 (1 + cos 60) / 2, and cos 120."""
    rows = RunFolder(run).metrics()
    rates = [row["learning_rate"] for row in rows]
    np.testing.assert_allclose(rates, [0.1, 0.075, 0.025], rtol=1e-5)


def test_what_failed_before_is_no_obstacle(tmp_path, command_line, monkeypatch):
    """Neither a refusal, nor another host's failure, nor a crash.

    A crash leaves its reason behind. It is one in training: what came before
    it was no obstacle.
    """

    def broken(*args, **kwargs):
        raise RuntimeError("out of luck")

    wrong = "--gin_param=NOISE=1.5"
    code, _, _ = command_line(*TINY, f"--run_dir={tmp_path}/run", wrong)
    assert code == 2
    (tmp_path / "run").mkdir(exist_ok=True)
    (tmp_path / "run" / "FAILED.1").write_text("no connection")
    monkeypatch.setattr("fsr_gdw_tf.classifier.Classifier.fit", broken)
    with pytest.raises(RuntimeError, match="out of luck"):
        train_run(command_line, tmp_path / "run", "--mode=train")
    assert "out of luck" in (tmp_path / "run" / "FAILED").read_text()
    assert not (tmp_path / "run" / "DONE").exists()
    monkeypatch.undo()
    monkeypatch.setattr("sys.argv", ["main"])
    train_run(command_line, tmp_path / "run", "--mode=train")
    assert not (tmp_path / "run" / "FAILED").exists()


def test_help_needs_no_tensorflow():
    """It answers at once: importing TensorFlow takes seconds."""
    heavy = "{'tensorflow', 'keras'} & set(sys.modules)"
    code = f"import sys, fsr_gdw_tf.main; assert not {heavy}"
    for arguments in (["-c", code], ["-m", "fsr_gdw_tf.main", "--help"]):
        ended = subprocess.run(
            [sys.executable, *arguments],
            check=False,
            capture_output=True,
            text=True,
        )
        assert not ended.stderr
    assert "--gin_file       A gin file" in ended.stdout


def test_a_reader_that_has_seen_enough_is_no_error():
    """As in `--help | head -1`: the pipe is closed before all is written."""
    for flag in ("--help", "--mode=list"):
        process = subprocess.Popen(
            [sys.executable, "-m", "fsr_gdw_tf.main", flag],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


@pytest.mark.slow
def test_commands_print_no_startup_lines(tmp_path):
    for module in ("report", "figures"):
        ended = subprocess.run(
            [sys.executable, "-m", f"fsr_gdw_tf.{module}", str(tmp_path)],
            check=False,
            capture_output=True,
            text=True,
        )
        assert ended.returncode == 2 and one_line(ended.stderr), ended.stderr
