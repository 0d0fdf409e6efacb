"""Lists of files and folders of data."""

import pytest
from support.lookalikes import paint

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.data import clothing1m, inaturalist_files, webvision
from fsr_gdw_tf.data.file_lists import find_missing


@pytest.mark.parametrize("read", [webvision, inaturalist_files, clothing1m])
def test_a_data_folder_that_is_not_there(read):
    told = "no such data folder: '/no/where'; expected"
    with pytest.raises(InvalidInput, match=told):
        read("/no/where")
    with pytest.raises(InvalidInput, match=r"set DATA_DIR, .*: expected"):
        read("")


def test_each_folder_is_read_once(tmp_path, monkeypatch):
    """Files are looked up in their folder's listing, not one by one."""
    for i in range(6):
        paint(tmp_path / "ab"[i % 2] / f"{i}.png", 0)
    (tmp_path / "a" / "folder.png").mkdir()
    monkeypatch.chdir(tmp_path)
    paint(tmp_path / "7.png", 0)
    paths = [f"{tmp_path}/{'ab'[i % 2]}/{i}.png" for i in range(6)]
    paths += ["7.png", "a/9.png", "a/folder.png", "c/0.png", "a/../b/1.png"]
    asked = []
    monkeypatch.setattr(
        "os.path.isfile", lambda path: asked.append(path) and False
    )
    assert find_missing(paths) == [7, 8, 9]
    assert asked == ["a/9.png", "a/folder.png", "c/0.png"]


def test_a_folder_that_cannot_be_listed_is_asked_for_each_file(
    tmp_path, monkeypatch
):
    def refuse(folder):
        raise PermissionError(folder)

    paint(tmp_path / "0.png", 0)
    monkeypatch.setattr("os.scandir", refuse)
    assert find_missing([f"{tmp_path}/0.png", f"{tmp_path}/1.png"]) == [1]
