"""Clothing1M."""

import pytest
from support import lookalikes
from support.large_sources import assert_reads, change_lines, put

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.data import clothing1m


@pytest.fixture
def clothes(tmp_path):
    lookalikes.clothing1m(tmp_path)
    return tmp_path


@pytest.mark.parametrize("lists", ["", "annotations"])
def test_clothing1m(tmp_path, lists):
    lookalikes.clothing1m(tmp_path, lists)
    splits = clothing1m(str(tmp_path))
    rows = lookalikes.clothing1m_rows()
    sizes = len(splits.train), len(splits.meta), len(splits.test)
    assert sizes == (56, 14, 14)
    assert_reads(splits.train, rows["noisy_train"])
    assert_reads(splits.meta, rows["clean_val"])
    assert_reads(splits.test, rows["clean_test"])
    assert splits.train.class_names[8] == "Down Coat"
    assert len(splits.train.class_names) == 14


@pytest.mark.parametrize(
    ("meta", "parts"),
    [
        ("clean_train", ["clean_train"]),
        ("both", ["clean_train", "clean_val"]),
    ],
)
def test_other_clean_images_of_clothing1m(clothes, meta, parts):
    rows = lookalikes.clothing1m_rows()
    expected = [row for part in parts for row in rows[part]]
    assert_reads(clothing1m(str(clothes), meta).meta, expected)


def test_files_are_decoded_beforehand_only_if_wanted(clothes):
    key = lookalikes.clothing1m_rows()["noisy_train"][3][0]
    (clothes / key).write_bytes(b"this is no image")
    assert len(clothing1m(str(clothes)).train) == 56
    train = clothing1m(str(clothes), verify=True).train
    assert len(train) == 55
    assert [path for path, _ in train.unreadable] == [str(clothes / key)]


CLOTHING_LISTS = [
    "noisy_train_key_list.txt",
    "clean_val_key_list.txt",
    "clean_test_key_list.txt",
    "noisy_label_kv.txt",
    "clean_label_kv.txt",
    "category_names_eng.txt",
]


@pytest.mark.parametrize("name", CLOTHING_LISTS)
def test_clothing1m_lists_that_are_not_there(clothes, name):
    (clothes / name).unlink()
    message = rf"no such file list: '.*{name}'; .*Xiao et al\..* on request"
    with pytest.raises(InvalidInput, match=message):
        clothing1m(str(clothes))


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        (
            "noisy_label_kv",
            put(9, "images"),
            r"kv\.txt, line 9: expected a path",
        ),
        (
            "clean_label_kv",
            put(9, "images/0.jpg 14"),
            "line 9: label 14 is out",
        ),
        (
            "clean_val_key_list",
            put(3, "images/0,1.jpg"),
            r"line 3: images/0,1\.jpg has no label in .*/clean_label_kv\.txt",
        ),
        (
            "noisy_train_key_list",
            put(3, "images/0,1.jpg"),
            r"line 3: images/0,1\.jpg has no label in .*/noisy_label_kv\.txt",
        ),
        (
            "clean_test_key_list",
            lambda _: [],
            "lists no image; expected Clothi",
        ),
    ],
)
def test_clothing1m_lists_that_cannot_be_used(clothes, file, change, message):
    change_lines(clothes / f"{file}.txt", change)
    with pytest.raises(InvalidInput, match=message) as error:
        clothing1m(str(clothes))
    assert "\n" not in str(error.value)
    assert f"{file}.txt" in str(error.value)


def test_clothing1m_images_that_are_not_there(clothes):
    rows = lookalikes.clothing1m_rows()["noisy_train"]
    for position in (10, 11, 40):
        (clothes / rows[position][0]).unlink()
    message = (
        rf"noisy_train_key_list\.txt, line 11: no file .*/{rows[10][0]}, the "
        r"first of 3 file\(s\) that do not exist"
    )
    with pytest.raises(InvalidInput, match=message):
        clothing1m(str(clothes))


def test_clean_images_of_another_name(clothes):
    message = r"no meta set 'clean_vla' .*: did you mean 'clean_val'"
    with pytest.raises(InvalidInput, match=message):
        clothing1m(str(clothes), meta="clean_vla")
    message = "choose one of: both, clean_train, clean_val"
    with pytest.raises(InvalidInput, match=message):
        clothing1m(str(clothes), meta="42")
