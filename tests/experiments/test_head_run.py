"""A head that is fitted to the network of any run."""

from support.runs import TINY, one_line, train_run

from fsr_gdw_tf.io.files import read_csv


def test_a_head_on_the_network_of_another_run(tmp_path, command_line):
    """With the clean images; metrics.csv has one row."""
    train_run(command_line, tmp_path / "plain", "--mode=train")
    params = [
        "Experiment.head=@RoG",
        f"RoG.network='{tmp_path}/plain/model.keras'",
        "RoG.uses_meta=True",
    ]
    head = [f"--gin_param={param}" for param in params]
    out = train_run(command_line, tmp_path / "head", "--mode=train", *head)
    (row,) = read_csv(tmp_path / "head" / "metrics.csv")
    assert f"test_accuracy_last: {row['val_accuracy']:.4g}" in out
    again = train_run(command_line, tmp_path / "head", "--mode=train", *head)
    assert "is done already" in again
    code, out, err = command_line(
        *(*TINY, *head, f"--run_dir={tmp_path}/head", "--mode=evaluate")
    )
    assert code == 0 and f"accuracy: {row['val_accuracy']:.4g}" in out, err


def test_a_head_without_a_network(tmp_path, command_line):
    code, _, err = command_line(
        *(*TINY, "--mode=train", f"--run_dir={tmp_path}/run"),
        "--gin_param=Experiment.head=@RoG",
    )
    assert code == 2 and one_line(err) and "needs a trained network" in err
