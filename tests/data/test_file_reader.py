"""What is no image file of a reasonable size is never read."""

import os
import socket

import pytest
from support.images import encoded, picture
from support.lookalikes import paint

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.data import file_list, file_reader, folder


@pytest.fixture
def photos(tmp_path):
    """Two classes of three images."""
    for name in ("cat", "dog"):
        for i in range(3):
            paint(tmp_path / name / f"{i}.png", 50)
    return tmp_path


def names(source) -> set[str]:
    return {os.path.basename(name) for name in source.all_names()}


def test_pipes_devices_and_sockets_are_not_opened(photos):
    """Opening a pipe waits for a writer, reading a device does not end."""
    os.mkfifo(photos / "cat" / "pipe.png")
    (photos / "cat" / "link.png").symlink_to(photos / "cat" / "pipe.png")
    (photos / "cat" / "zero.png").symlink_to("/dev/zero")
    (photos / "cat" / "folder.png").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        before = os.getcwd()
        os.chdir(photos / "dog")  # a socket's path has to be short
        server.bind("socket.png")
        os.chdir(before)
        splits = folder(str(photos), test_share=0.3)
    assert names(splits.train) | names(splits.test) == {
        "0.png",
        "1.png",
        "2.png",
    }
    assert not splits.train.unreadable


@pytest.mark.parametrize("what", ["pipe", "device"])
def test_a_list_of_them_is_refused(what, photos):
    os.mkfifo(photos / "pipe")
    path = {"pipe": "pipe", "device": "/dev/zero"}[what]
    (photos / "list.csv").write_text(f"path,label\ncat/0.png,a\n{path},b\n")
    with pytest.raises(InvalidInput, match="no file"):
        file_list(str(photos / "list.csv"))
    os.symlink(photos / "pipe", photos / "list.txt")
    with pytest.raises(InvalidInput, match="no such file list"):
        file_list(str(photos / "list.txt"))
    with pytest.raises(InvalidInput, match="expected an image file"):
        file_reader.FileReader([str(photos / "pipe")]).fetch(0)


def test_a_file_of_more_bytes_than_the_limit_is_listed(photos, monkeypatch):
    monkeypatch.setattr(file_reader, "MAX_BYTES", 1000)
    (photos / "cat" / "large.bmp").write_bytes(encoded(picture(), "BMP"))
    train = folder(str(photos), test_share=0.3).train
    ((path, reason),) = train.unreadable
    assert path.endswith("large.bmp") and "at most 1,000 bytes" in reason


def test_names_that_are_not_utf8_are_listed_and_skipped(photos):
    odd = os.fsencode(photos / "cat") + b"/caf\xe9.png"
    with open(odd, "wb") as file:
        file.write((photos / "cat" / "0.png").read_bytes())
    for verify in (True, False):
        splits = folder(str(photos), test_share=0.3, verify=verify)
        ((path, reason),) = splits.train.unreadable
        assert path.endswith("caf\\xe9.png") and "not UTF-8" in reason
        assert len(splits.train) + len(splits.test) == 6
    os.mkdir(os.fsencode(photos) + b"/caf\xe9")
    with pytest.raises(InvalidInput, match=r"caf\\xe9 is not UTF-8; rename"):
        folder(str(photos))
