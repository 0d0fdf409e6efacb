"""Names of exported images: how examples are found again."""

import pytest
from support.exchange import odd_run

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.label_exchange.exchange import export_labels
from fsr_gdw_tf.label_exchange.handover import file_stem, index_of_file
from fsr_gdw_tf.label_quality.label_records import load_records


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("names")
    return load_records(odd_run(folder, n=20, in_files=False))


def test_an_example_is_found_by_the_name_of_its_image(found):
    """Below any folder, and with what other programs add to the name."""
    for index in range(20):
        stem = file_stem(found, index)
        assert stem.replace("-", "").isalnum()
        for name in (
            stem,
            f"{stem}.png",
            f"/a/0000001-b/{stem}.jpg",
            f"C:\\data\\{stem}-2.jpeg",
            f"/data/local-files/?d=images/{stem}.png",
        ):
            assert index_of_file(name, found) == index


def test_images_are_not_written_through_a_link_of_others(tmp_path):
    run = odd_run(tmp_path, n=3)
    (tmp_path / "mine").mkdir()
    (run / "report" / "fiftyone").mkdir(parents=True)
    (run / "report" / "fiftyone" / "data").symlink_to(tmp_path / "mine")
    with pytest.raises(InvalidInput, match="remove the link"):
        export_labels(run, "fiftyone", None, top=3)
    assert not list((tmp_path / "mine").iterdir())


def test_other_names_are_none_and_those_of_other_runs_an_error(found):
    assert index_of_file("cat/17.png", found) is None
    assert index_of_file("", found) is None
    for name in ("0000001-0123456789ab.png", "0000999-0123456789ab"):
        with pytest.raises(ValueError, match="of another run"):
            index_of_file(name, found)
