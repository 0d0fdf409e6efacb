"""Of a folder's checkpoints the newest intact one is restored."""

import pytest
from support.models import blob_source, classifier

from fsr_gdw_tf import InputPipeline, InvalidInput, Supervised
from fsr_gdw_tf.callbacks import Checkpoints
from fsr_gdw_tf.optimizers import SGD


@pytest.fixture
def model():
    """Return a classifier that can be saved; it is not trained."""
    model = classifier(Supervised())
    model.compile(SGD(0.1))
    model.setup(blob_source(n=60), InputPipeline(12))
    return model


def save_two(model, folder) -> None:
    """Save after the first and after the second epoch, at steps 5 and 10."""
    for epochs in (1, 2):
        saved = Checkpoints(folder)
        saved.set_model(model)
        model.optimizer.iterations.assign(5 * epochs)
        saved.save({"epochs": epochs})


def flip_a_bit(path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


DAMAGE = {
    "no index": lambda d: (d / "ckpt-21.index").unlink(),
    "cut index": lambda d: (d / "ckpt-21.index").write_bytes(b"junk"),
    "no data": lambda d: next(d.glob("ckpt-21.data*")).unlink(),
    "cut data": lambda d: next(d.glob("ckpt-21.data*")).write_bytes(b""),
    "a bit": lambda d: flip_a_bit(next(d.glob("ckpt-21.data*"))),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_the_one_before_replaces_a_damaged_one(damage, model, tmp_path, capsys):
    save_two(model, tmp_path)
    DAMAGE[damage](tmp_path)
    assert Checkpoints(tmp_path).restore(model) == 1
    assert int(model.optimizer.iterations) == 5
    told = capsys.readouterr().out
    assert "ckpt-21" in told and "going on from the one before" in told


@pytest.mark.parametrize("content", [None, b"", b"\xff{"])
def test_without_a_list_the_newest_file_counts(
    content, model, tmp_path, capsys
):
    save_two(model, tmp_path)
    if content is None:
        (tmp_path / "checkpoint").unlink()
    else:
        (tmp_path / "checkpoint").write_bytes(content)
    assert Checkpoints(tmp_path).restore(model) == 2
    assert "going on from the newest file" in capsys.readouterr().out


def test_an_empty_folder_has_none(model, tmp_path):
    assert Checkpoints(tmp_path).restore(model) == 0


def test_it_is_an_error_if_all_are_damaged(model, tmp_path):
    save_two(model, tmp_path)
    for file in tmp_path.glob("*.data*"):
        flip_a_bit(file)
    with pytest.raises(InvalidInput, match="ckpt-11 is damaged"):
        Checkpoints(tmp_path).restore(model)
