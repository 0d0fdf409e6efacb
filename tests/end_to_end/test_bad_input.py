"""Wrong flags and settings end in one line and exit code 2."""

import pytest
from support.figures import command
from support.forked import run_forked
from support.runs import TINY, one_line

from fsr_gdw_tf import figures, main, networks, report

BAD = {
    "no file": ([], "no configuration: pass --gin_file"),
    "unknown file": (["--gin_file=gin/digts.gin"], "mean 'gin/digits.gin'"),
    "unknown flag": ([*TINY, "--rundir=x"], "rundir"),
    "unknown mode": ([*TINY, "--mode=fly"], "train|evaluate|compare"),
    "stray word": ([*TINY, "train"], "unexpected argument 'train'"),
    "unknown knob": ([*TINY, "--gin_param=NOSIE=0.2"], "mean 'NOISE'"),
    "no value": (
        [*TINY, "--gin_param=NOISE"],
        "must be NAME=VALUE, got 'NOISE'",
    ),
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
        "pass a run file, which includes 'gin/base.gin'",
    ),
    "no data": (
        ["--gin_file=gin/base.gin"],
        "the configuration has no data set",
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
        "STRATEGY='mirrored' needs 64 GPU(s), this host has ",
    ),
    "no replicas": (
        [*TINY, "--gin_param=DEVICE='CPU'", "--gin_param=REPLICAS=-1"],
        "REPLICAS must be 1 or more, got -1",
    ),
    "one of several": (
        [*TINY, "--gin_param=STRATEGY='one'", "--gin_param=REPLICAS=2"],
        "REPLICAS=2, but the strategy 'one' has 1 replica(s)",
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
        "999 per class leaves no training example",
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


def register_fixed_network():
    """A user's own network that wants images of one size."""
    import gin

    def fixed_network(input_shape, classes):
        return networks.small_cnn((9, 9, 1), classes)

    if "user.fixed_network" not in gin.config._REGISTRY:
        gin.register(fixed_network, module="user")


@pytest.mark.slow
def test_the_process_itself_ends_with_two_and_no_traceback(tmp_path):
    program = ["-m", "fsr_gdw_tf.main", "--gin_file=gin/none.gin"]
    ended = run_forked(program, cwd=tmp_path)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert ended.stderr.splitlines()[-1].startswith("error: no gin file")


def test_ctrl_c_ends_each_command_in_one_line_and_130(
    tmp_path, command_line, report_line, capsys, monkeypatch
):
    """Before and after training too, where there is nothing to save."""

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(main.gin_config, "parse", interrupted)
    monkeypatch.setattr(report, "build_report", lambda *_, **__: interrupted())
    monkeypatch.setattr(figures, "find_runs", interrupted)
    for code, _, err in (
        command_line(*TINY),
        report_line(tmp_path),
        command(capsys, tmp_path),
    ):
        assert code == 130 and err.count("\n") == 1, err
        assert err.startswith("interrupted; ")
