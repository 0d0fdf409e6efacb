"""The command line: what it writes, what it refuses, and how."""

import csv
import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

from fsr_gdw_tf import InvalidInput, networks
from fsr_gdw_tf.distribution import hosts
from fsr_gdw_tf.experiments import gin_config
from fsr_gdw_tf.experiments.experiment import Experiment
from fsr_gdw_tf.io import files
from fsr_gdw_tf.io.run_folder import RunFolder
from fsr_gdw_tf.networks.split import batch_norms

TINY = [
    "--gin_file=gin/digits.gin",
    "--gin_param=EPOCHS=3",
    "--gin_param=TRAIN_EXAMPLES=120",
    "--gin_param=BATCH_SIZE=30",
    "--gin_param=small_cnn.widths=(4, 8)",
    "--gin_param=META_PER_CLASS=2",
]


def train(command_line, run, *more):
    code, out, err = command_line(*TINY, f"--run_dir={run}", *more)
    assert code == 0, err
    return out


def test_run_folder_tells_the_whole_story(tmp_path, command_line):
    out = train(command_line, tmp_path / "run", "--mode=train")
    run = tmp_path / "run"
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
    assert f"test_accuracy_last: {last['val_accuracy']}" in out
    assert not (run / "FAILED").exists()


def test_saved_network_is_the_one_that_was_tested(tmp_path, command_line):
    train(command_line, tmp_path / "run", "--mode=train")
    network = keras.models.load_model(tmp_path / "run" / "model.keras")
    from fsr_gdw_tf.data import digits

    test = digits().test
    guess = network.predict(test.load(range(500)), verbose=0).argmax(1)
    measured = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert np.mean(guess == test.labels) == pytest.approx(measured["accuracy"])


def test_evaluate_finds_the_same_numbers(tmp_path, command_line):
    train(command_line, tmp_path / "run", "--mode=train")
    before = (tmp_path / "run" / "evaluation.json").read_text()
    out = train(command_line, tmp_path / "run", "--mode=evaluate")
    assert (tmp_path / "run" / "evaluation.json").read_text() == before
    assert "balanced_accuracy: " in out


def test_evaluate_without_a_run_is_refused(tmp_path, command_line):
    code, _, err = command_line(
        *TINY, f"--run_dir={tmp_path}/none", "--mode=evaluate"
    )
    assert code == 2 and "holds no trained run" in err


def test_compare_writes_one_row_per_method(tmp_path, command_line):
    some = ["supervised", "label_smoothing", "mixup", "fsr", "gdw"]
    flag = f"--gin_param=COMPARE={some}"
    out = train(command_line, tmp_path / "run", flag)
    with (tmp_path / "run" / "comparison.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert ",".join(rows[0]) == (
        "method,test_accuracy_last,test_accuracy_last5,test_accuracy_best,"
        "balanced_accuracy,step_time_ratio"
    )
    names = [row["method"] for row in rows]
    assert names == some
    assert rows[0]["step_time_ratio"] == "1.0"
    for row in rows:
        epochs = RunFolder(tmp_path / "run" / row["method"]).metrics()
        accuracy = [e["val_accuracy"] for e in epochs]
        assert float(row["test_accuracy_last"]) == round(accuracy[-1], 4)
        assert float(row["test_accuracy_best"]) == round(max(accuracy), 4)
        assert float(row["test_accuracy_last5"]) == round(np.mean(accuracy), 4)
        assert row["method"] in out
    again = train(command_line, tmp_path / "run", flag)
    assert "is done already" in again and "Test accuracy" in again


def test_a_finished_run_is_not_run_again(tmp_path, command_line):
    train(command_line, tmp_path / "run", "--mode=train")
    before = (tmp_path / "run" / "model.keras").stat().st_mtime_ns
    assert "done already" in train(
        command_line, tmp_path / "run", "--mode=train"
    )
    assert (tmp_path / "run" / "model.keras").stat().st_mtime_ns == before


def test_another_configuration_is_refused_with_the_difference(
    tmp_path, command_line
):
    train(command_line, tmp_path / "run", "--mode=train")
    code, _, err = command_line(
        *TINY, f"--run_dir={tmp_path}/run", "--gin_param=NOISE=0.2"
    )
    assert code == 2 and one_line(err)
    assert "- NOISE = 0.4" in err and "+ NOISE = 0.2" in err


def test_a_refused_run_leaves_no_obstacle(tmp_path, command_line):
    wrong = "--gin_param=NOISE=1.5"
    code, _, _ = command_line(*TINY, f"--run_dir={tmp_path}/run", wrong)
    assert code == 2
    train(command_line, tmp_path / "run", "--mode=train")


def test_another_host_that_failed_first_is_no_obstacle(tmp_path, command_line):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "FAILED.1").write_text("no connection")
    train(command_line, tmp_path / "run", "--mode=train")


def test_a_host_that_does_not_see_the_first_ones_files_is_told(
    tmp_path, monkeypatch
):
    cluster = {"worker": ["a:1", "b:1"]}
    task = {"type": "worker", "index": 1}
    gin_config = json.dumps({"cluster": cluster, "task": task})
    monkeypatch.setenv("TF_CONFIG", gin_config)
    with pytest.raises(InvalidInput, match="must be one folder on all hosts"):
        RunFolder(tmp_path).require_shared(patience=1)
    (tmp_path / "config.gin").write_text("")
    RunFolder(tmp_path).require_shared(patience=1)


def test_other_hosts_write_nothing(tmp_path, monkeypatch, capsys):
    cluster = {"chief": ["a:1"], "worker": ["b:1"]}
    task = {"type": "worker", "index": 0}
    gin_config = json.dumps({"cluster": cluster, "task": task})
    monkeypatch.setenv("TF_CONFIG", gin_config)
    files.write(tmp_path / "metrics.csv", "")
    hosts.print_on_chief("hello")
    assert not list(tmp_path.iterdir()) and not capsys.readouterr().out
    assert RunFolder(tmp_path).failed.name == "FAILED.1"


def test_precision_and_normalisation_reach_the_network(tmp_path):
    """Features in half precision, logits and weights not."""
    params = ["PRECISION='mixed_bfloat16'", "SYNC_BATCH_NORM=True"]
    gin_config.parse(["gin/digits.gin", "gin/methods/gdw.gin"], params)
    splits, classifier = gin_config.instantiate(Experiment).prepare()
    images = splits.train.load([0, 1])
    features = classifier.features(images)
    assert features.dtype == "bfloat16"
    assert classifier(images).dtype == "float32"
    net = classifier.method.net
    for v in [*classifier.network_variables, *net.variables]:
        assert v.dtype == "float32"
    assert net(np.zeros((1, 1), "float32")).dtype == "float32"
    layers = batch_norms(classifier.features)
    assert layers and all(layer.synchronized for layer in layers)
    assert keras.config.dtype_policy().name == "float32", "and is put back"


def test_a_folder_with_other_things_is_refused(tmp_path, command_line):
    (tmp_path / "thesis.tex").write_text("precious")
    code, _, err = command_line(*TINY, f"--run_dir={tmp_path}")
    assert code == 2 and "is not empty and holds no run" in err


def test_evaluating_with_another_configuration_is_refused(
    tmp_path, command_line
):
    train(command_line, tmp_path / "run", "--mode=train")
    before = (tmp_path / "run" / "evaluation.json").read_text()
    code, _, err = command_line(
        *TINY,
        f"--run_dir={tmp_path}/run",
        "--mode=evaluate",
        "--gin_param=SEED=1",
    )
    assert code == 2 and "+ SEED = 1" in err
    assert (tmp_path / "run" / "evaluation.json").read_text() == before


def test_resuming_on_other_data_is_refused(tmp_path, command_line):
    train(command_line, tmp_path / "run", "--mode=train")
    (tmp_path / "run" / "DONE").unlink()
    about = json.loads((tmp_path / "run" / "run.json").read_text())
    about["data"]["fingerprint"] = "other"
    (tmp_path / "run" / "run.json").write_text(json.dumps(about))
    code, _, err = command_line(
        *TINY, f"--run_dir={tmp_path}/run", "--mode=train"
    )
    assert code == 2 and "the data have changed since" in err


def test_a_file_in_place_of_the_run_folder(tmp_path, command_line):
    (tmp_path / "run").write_text("")
    code, _, err = command_line(*TINY, f"--run_dir={tmp_path}/run")
    assert code == 2 and "is a file; --run_dir is a folder" in err


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
        f"--gin_param=DATA_DIR='{tmp_path}/photos'",
        "--gin_param=EPOCHS=1",
        "--gin_param=IMAGE_SIZE=16",
        "--gin_param=BATCH_SIZE=6",
        "--gin_param=ClassifierConfig.network=@small_cnn",
        f"--run_dir={run}",
    )
    assert code == 0, err
    assert "1 image(s) cannot be decoded" in out
    assert (run / "undecodable.csv").read_text().count("broken.jpg") == 1
    about = json.loads((run / "run.json").read_text())
    assert about["data"]["undecodable"] == 1


def test_the_logged_rate_is_the_one_of_its_epoch(tmp_path, command_line):
    """Cosine over three epochs: .1, .1 (1 + cos 60) / 2, and cos 120."""
    train(command_line, tmp_path / "run", "--mode=train")
    rows = RunFolder(tmp_path / "run").metrics()
    rates = [row["learning_rate"] for row in rows]
    np.testing.assert_allclose(rates, [0.1, 0.075, 0.025], rtol=1e-5)


def test_a_crash_leaves_its_reason_behind(tmp_path, command_line, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("out of luck")

    monkeypatch.setattr("fsr_gdw_tf.classifier.Classifier.fit", broken)
    with pytest.raises(RuntimeError, match="out of luck"):
        train(command_line, tmp_path / "run", "--mode=train")
    assert "out of luck" in (tmp_path / "run" / "FAILED").read_text()
    assert not (tmp_path / "run" / "DONE").exists()
    monkeypatch.undo()
    monkeypatch.setattr("sys.argv", ["main"])
    train(command_line, tmp_path / "run", "--mode=train")
    assert not (tmp_path / "run" / "FAILED").exists()


def one_line(err: str) -> bool:
    return err.startswith("error: ") and err.count("\n") == 1


BAD = {
    "no file": ([], "no configuration: pass --gin_file"),
    "unknown file": (["--gin_file=gin/digts.gin"], "mean 'gin/digits.gin'"),
    "unknown flag": ([*TINY, "--rundir=x"], "rundir"),
    "unknown mode": ([*TINY, "--mode=fly"], "train|evaluate|compare"),
    "stray word": ([*TINY, "train"], "unexpected argument 'train'"),
    "unknown knob": ([*TINY, "--gin_param=NOSIE=0.2"], "mean 'NOISE'"),
    "no value": ([*TINY, "--gin_param=NOISE"], "takes NAME=VALUE, got 'NOISE'"),
    "not a value": ([*TINY, "--gin_param=NOISE=much"], "NOISE=much"),
    "unknown name": (
        [*TINY, "--gin_param=ClassifierConfig.method=@Supervsed()"],
        "no 'Supervsed': did you mean 'Supervised'",
    ),
    "unknown owner": (
        [*TINY, "--gin_param=InputPipelin.batch_size=3"],
        "no 'InputPipelin': did you mean 'InputPipeline'",
    ),
    "unknown parameter": (
        [*TINY, "--gin_param=InputPipeline.batch_sise=3"],
        "InputPipeline has no parameter 'batch_sise': did you mean 'batch_s",
    ),
    "undefined macro": (
        [*TINY, "--gin_param=InputPipeline.batch_size=%BATCHSIZE"],
        "mean 'BATCH_SIZE'",
    ),
    "mode of the recipe": (
        [*TINY, "--gin_param=MODE='trian'"],
        "no MODE 'trian': did you mean 'train'",
    ),
    "half a recipe": (
        ["--gin_file=gin/methods/gdw.gin"],
        "a run file includes 'gin/base.gin'",
    ),
    "no data": (
        ["--gin_file=gin/base.gin"],
        "the configuration names no data",
    ),
    "epochs": ([*TINY, "--gin_param=EPOCHS=0"], "EPOCHS must be 1 or more"),
    "seed": ([*TINY, "--gin_param=SEED=-1"], "SEED 0 or more"),
    "meta batch": (
        [*TINY, "--gin_param=META_BATCH_SIZE=0"],
        "meta batch size must be 1 or more, got 0",
    ),
    "no meta set": (
        [
            *TINY,
            "--gin_param=META_PER_CLASS=0",
            "--gin_param=COMPARE=['supervised', 'gdw']",
        ],
        "GDW learns from a clean meta set and got none",
    ),
    "scope": (
        [*TINY, "--gin_param=COMPARE=['gdw']", "--gin_param=SCOPE='('"],
        "the scope '(' is no regular expression",
    ),
    "dictionary": (
        [*TINY, "--gin_param=DICTIONARY=9"],
        "a dictionary of 9 has no room for an example of each of 10 classes",
    ),
    "large dictionary": (
        [*TINY, "--gin_param=DICTIONARY=121"],
        "of 121 is larger than the training set of 120 examples",
    ),
    "reward batch": (
        [*TINY, "--gin_param=REWARD_BATCH=15"],
        "a reward batch of 15 cannot hold the same number of each",
    ),
    "pusher": (
        [*TINY, "--gin_param=PUSHER='meta_margn'"],
        "no pusher 'meta_margn': did you mean 'meta_margin'",
    ),
    "strategy": (
        [*TINY, "--gin_param=STRATEGY='miror'"],
        "no strategy 'miror': did you mean 'mirrored'",
    ),
    "precision": (
        [*TINY, "--gin_param=PRECISION='mixed_float16'"],
        "no precision 'mixed_float16': did you mean 'mixed_bfloat16'",
    ),
    "device": (
        [*TINY, "--gin_param=DEVICE='GPU'"],
        "no kind of device 'GPU'",
    ),
    "replicas": (
        [*TINY, "--gin_param=STRATEGY='mirrored'", "--gin_param=REPLICAS=64"],
        "64 replicas asked for, this host has ",
    ),
    "no replicas": (
        [*TINY, "--gin_param=DEVICE='CPU'", "--gin_param=REPLICAS=-1"],
        "REPLICAS must be 1 or more, got -1",
    ),
    "one of several": (
        [*TINY, "--gin_param=STRATEGY='one'", "--gin_param=REPLICAS=2"],
        "2 replica(s) asked for, strategy 'one' has 1",
    ),
    "hosts": (
        [*TINY, "--gin_param=STRATEGY='multi_worker'"],
        "needs the hosts in the environment variable TF_CONFIG",
    ),
    "tpu": (
        [*TINY, "--gin_param=STRATEGY='tpu'"],
        "replace tensorflow by the wheel tensorflow-tpu (newest: 2.20.0)",
    ),
    "steps per execution": (
        [*TINY, "--gin_param=STEPS_PER_EXECUTION=0"],
        "STEPS_PER_EXECUTION must be 1 or more, got 0",
    ),
    "noise rate": ([*TINY, "--gin_param=NOISE=1.5"], "in [0, 1], got 1.5"),
    "noise law": (
        [*TINY, "--gin_param=NOISE_KIND='unform'"],
        "did you mean 'uniform'",
    ),
    "batch": ([*TINY, "--gin_param=BATCH_SIZE=999"], "in 1 to 120"),
    "meta set": (
        [*TINY, "--gin_param=META_PER_CLASS=999"],
        "999 per class leaves nothing",
    ),
    "data folder": (
        ["--gin_file=gin/folder.gin"],
        "expected <root>/<class name>/<image>.jpg",
    ),
    "list": (["--gin_file=gin/file_list.gin"], "expected a CSV with the col"),
    "method": (
        [*TINY, "--gin_param=COMPARE=['supervized']"],
        "mean 'gin/methods/supervised.gin'",
    ),
    "tfds": (
        [
            "--gin_file=gin/cifar10_noise.gin",
            "--gin_param=DATA_DIR='/none'",
            "--gin_param=tfds_images.download=False",
        ],
        "cifar10/<version>/",
    ),
    "image size": (
        [
            *TINY,
            "--mode=train",
            "--gin_param=ClassifierConfig.network=@fixed_network",
        ],
        "takes inputs of shape (9, 9, 1), the data have (8, 8, 1)",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_ends_in_one_line_and_code_two(case, tmp_path, command_line):
    flags, message = BAD[case]
    register_fixed_network()
    code, _, err = command_line(*flags, f"--run_dir={tmp_path}/run")
    assert code == 2
    assert one_line(err), err
    assert message in err
    assert not list(tmp_path.glob("run/**/metrics.csv"))


HOSTS = {
    "no JSON": ("{worker", "TF_CONFIG does not parse"),
    "no cluster": ('{"task": {}}', "TF_CONFIG does not parse (KeyError"),
    "no such worker": (
        '{"cluster": {"worker": ["a:1", "b:1"]}, '
        '"task": {"type": "worker", "index": 2}}',
        "TF_CONFIG names no worker 2: its cluster is {'worker': 2}",
    ),
    "no such task": (
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "ps", "index": 0}}',
        "TF_CONFIG names no ps 0",
    ),
    "no lists": (
        '{"cluster": {"worker": "a:1,b:1"}, '
        '"task": {"type": "worker", "index": 0}}',
        "TF_CONFIG does not parse",
    ),
    "numbers": (
        '{"cluster": {"worker": 2}, "task": {"type": "worker", "index": 0}}',
        "TF_CONFIG does not parse",
    ),
    "each alone": (
        '{"cluster": {"chief": ["a:1"], "worker": ["b:1"]}, '
        '"task": {"type": "worker", "index": 0}}',
        "TF_CONFIG names 2 hosts, which would each train alone",
    ),
}


@pytest.mark.parametrize("case", HOSTS)
def test_bad_hosts_are_bad_input(case, tmp_path, command_line, monkeypatch):
    text, message = HOSTS[case]
    monkeypatch.setenv("TF_CONFIG", text)
    flags = [*TINY, "--mode=train", "--gin_param=STRATEGY='one'"]
    code, _, err = command_line(*flags, f"--run_dir={tmp_path}/run")
    assert code == 2 and one_line(err), err
    assert message in err


def register_fixed_network():
    """A user's own network that wants images of one size."""
    import gin

    def fixed_network(input_shape, classes):
        return networks.small_cnn((9, 9, 1), classes)

    if "user.fixed_network" not in gin.config._REGISTRY:
        gin.register(fixed_network, module="user")


@pytest.mark.slow
def test_the_process_itself_ends_with_two_and_no_traceback(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-m", "fsr_gdw_tf.main", "--gin_file=gin/none.gin"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=os.environ,
    )
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert ended.stderr.splitlines()[-1].startswith("error: no gin file")
