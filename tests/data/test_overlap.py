"""Files that are listed twice, and test examples that are trained on."""

import numpy as np
import pytest
from support.lookalikes import paint
from support.models import blobs, classifier

from fsr_gdw_tf import InvalidInput, arrays, from_csv
from fsr_gdw_tf.data import file_list, prepare
from fsr_gdw_tf.data.overlap import check_test, in_training

COPY = "path,label\n0.png,cat\n1.png,dog\n0.png,cat\n2.png,cat\n1.png,cat\n"


@pytest.fixture
def photos(tmp_path, monkeypatch):
    for i in range(12):
        paint(tmp_path / f"{i}.png", 20 * i)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_file_that_is_listed_twice_is_told_with_its_lines(photos, capsys):
    (photos / "list.csv").write_text(COPY)
    assert len(from_csv("list.csv")) == 5
    told = capsys.readouterr().out
    assert "list.csv has 2 file(s) more than once, 1 of them with" in told
    assert "0.png (line 2 and 4)" in told


def test_a_list_without_copies_tells_nothing(photos, capsys):
    (photos / "list.csv").write_text("path,label\n0.png,cat\n1.png,dog\n")
    from_csv("list.csv")
    assert capsys.readouterr().out == ""


def test_copies_are_not_held_out_to_test_what_is_trained_on(photos, capsys):
    """Each file twice: half of them would be in both parts."""
    lines = [f"{i}.png,{'ab'[i % 2]}\n" for i in range(12)] * 2
    (photos / "list.csv").write_text("path,label\n" + "".join(lines))
    splits = file_list("list.csv", test_share=0.4)
    assert not in_training(splits.train, splits.test).any()
    shared = 10 - len(splits.test)  # 0.4 of 24 are held out
    assert (
        f"{shared} of 10 held-out test examples are" in capsys.readouterr().out
    )


def write_lists(photos, test: str) -> list[str]:
    rows = "".join(f"{i}.png,{'ab'[i % 2]}\n" for i in range(8))
    (photos / "train.csv").write_text("path,label\n" + rows)
    (photos / "test.csv").write_text("path,label\n" + test)
    return [
        "--gin_file=gin/file_list.gin",
        "--gin_param=TRAIN_LIST='train.csv'",
        "--gin_param=TEST_LIST='test.csv'",
        "--gin_param=BATCH_SIZE=4",
        "--mode=train",
        "--run_dir=run",
    ]


@pytest.mark.parametrize(
    ("test", "count"),
    [("1.png,b\n", "1 of 1"), ("8.png,a\n./x/../3.png,a\n", "1 of 2")],
)
def test_a_test_file_that_is_trained_on_ends_the_command(
    test, count, photos, command_line
):
    """Whatever its label, and however its path is written."""
    (photos / "x").mkdir()
    code, _, err = command_line(*write_lists(photos, test))
    assert code == 2 and err.count("\n") == 1
    assert f"{count} test examples are also in the training set" in err
    assert "Experiment.allow_test_in_training=True" in err


def test_inputs_in_memory_are_told_and_files_by_name_are_allowed(
    photos, capsys
):
    x, y = blobs(n=12)
    check_test(arrays(x[:8], y[:8]), arrays(x[6:], y[6:]), False)
    assert "2 of 6 test examples are also" in capsys.readouterr().out
    write_lists(photos, "1.png,b\n")
    splits = file_list("train.csv", "test.csv")
    check_test(splits.train, splits.test, True)
    assert "1 of 1 test examples are also" in capsys.readouterr().out


def test_fit_warns_of_validation_data_that_are_trained_on():
    x, y = blobs(n=30)
    model = classifier(compiled={"run_eagerly": True})
    with pytest.warns(UserWarning, match="5 of 10 validation examples are al"):
        model.fit(x[:25], y[:25], validation_data=(x[20:], y[20:]), verbose=0)


def test_meta_files_with_another_path_are_found(photos):
    """The same file twice in a list: once in training, once in the meta set."""
    lines = "".join(f"{i}.png,{'ab'[i % 2]}\n" for i in range(8)) * 2
    (photos / "list.csv").write_text("path,label\n" + lines)
    (photos / "test.csv").write_text("path,label\n9.png,a\n")
    splits = prepare(
        lambda: file_list("list.csv", "test.csv"),
        lambda source, rng: source,
        meta_per_class=2,
    )
    assert in_training(splits.train, splits.meta).any()
    assert not np.isin(splits.train.rows, splits.meta.rows).any()


def test_a_run_may_test_on_training_files_by_name(photos):
    from fsr_gdw_tf.experiments import automatic, gin_config
    from fsr_gdw_tf.experiments.experiment import Experiment

    flags = write_lists(photos, "1.png,b\n0.png,a\n")
    params = [f.removeprefix("--gin_param=") for f in flags if "param" in f]
    for allowed in (False, True):
        name = f"Experiment.allow_test_in_training={allowed}"
        gin_config.parse(["gin/file_list.gin"], [*params, name])
        automatic.apply_choices()
        experiment = gin_config.instantiate(Experiment)
        if allowed:
            assert len(experiment.load().test) == 2
        else:
            with pytest.raises(InvalidInput, match="also in the training"):
                experiment.load()
    gin_config.gin.clear_config()
