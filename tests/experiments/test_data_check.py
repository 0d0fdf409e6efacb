"""--mode=check tells what is in a folder; it writes and trains nothing."""

import shutil

import pytest
from support.images import encoded, picture

from fsr_gdw_tf.data import folder
from fsr_gdw_tf.experiments import data_check


@pytest.fixture
def photos(tmp_path):
    """Two classes of 12 images, with a flaw of each kind among them."""
    root = tmp_path / "photos"
    for c, name in enumerate(("cat", "dog")):
        (root / name).mkdir(parents=True)
        for i in range(12):
            image = picture(20 * c + i, mode="L" if i < 3 else "RGB")
            image.save(root / name / f"{i:02}.png")
    (root / "cat" / "!broken.jpg").write_bytes(encoded(picture())[:300])
    (root / "cat" / "notes.txt").write_text("no image")
    shutil.copy(root / "cat" / "05.png", root / "dog" / "copy.png")
    picture(26).resize((122, 90)).save(root / "dog" / "06.webp", quality=90)
    return root


def test_check_tells_all_and_leaves_no_trace(photos, command_line, tmp_path):
    run = tmp_path / "run"
    before = sorted(photos.rglob("*"))
    code, out, err = command_line(
        "--gin_file=gin/folder.gin",
        f"--gin_param=DATA_DIR='{photos}'",
        "--gin_param=IMAGE_SIZE=16",
        f"--run_dir={run}",
        "--mode=check",
    )
    assert code == 0, err
    # 27 files, of which a tenth is held out.
    for text in (
        "24 images to train on, 3 to test on",
        "Sizes: 61 x 45 to 122 x 90, median 61 x 45; 6 of 26 images are grey",
        f"{photos}/cat/!broken.jpg: the image is damaged or incomplete",
        f"{photos}/cat/notes.txt: it is no image",
        "1 group(s) of identical files:",
        "1 group(s) of images that look the same:",
        "1 group(s) of identical files have different labels",
        "BATCH_SIZE=4",
        "Steps: 5 of 4 images in an epoch, 300 in 60 epochs",
        "Time on this machine: about ",
    ):
        assert text in out, text
    assert "IMAGE_SIZE=" not in out, "the user's own value is no choice"
    assert not run.exists() and sorted(photos.rglob("*")) == before


def test_of_many_images_a_sample_is_decoded_and_all_are_compared(photos):
    splits = folder(str(photos), verify=False)
    found = data_check.check(splits, sample=5)
    assert len(found.decoded) == 5 and len(found.examples) == 27
    assert len(found.copies.conflicts) == 1
    lines = list(data_check.data_lines(splits, found))
    assert "Decoded: 5 of 27 images, evenly spaced" in lines[1]


def test_names_of_others_reach_the_terminal_as_text(photos, capsys):
    """Escape sequences would be obeyed, and [red] would be a colour."""
    (photos / "cat").rename(photos / "[red]cat\x1b[2J")
    splits = folder(str(photos), verify=False)
    data_check.print_findings(splits, data_check.check(splits))
    out = capsys.readouterr().out
    assert "\x1b[2J" not in out and "[red]cat\\x1b[2J" in out
    assert "[red]cat\\x1b[2J/!broken.jpg" in out


def test_data_that_are_no_files_are_refused(command_line):
    code, _, err = command_line("--gin_file=gin/digits.gin", "--mode=check")
    assert code == 2 and err.count("\n") == 1
    assert "expected images in a folder or a list" in err


def test_a_folder_of_broken_images_is_told(photos, command_line):
    for path in photos.rglob("*.*"):
        path.write_bytes(encoded(picture())[:900])
    code, out, err = command_line(
        "--gin_file=gin/folder.gin",
        f"--gin_param=DATA_DIR='{photos}'",
        "--mode=check",
    )
    assert code == 2 and err.count("\n") == 1
    assert "none of 25 images can be decoded" in err
    assert "28 file(s) cannot be decoded:" in out and "and 18 more" in out


def test_sizes_and_times_are_for_people():
    assert data_check.as_bytes(3 * 2**20) == "3.0 MiB"
    assert data_check.as_bytes(5 * 2**29) == "2.5 GiB"
    assert data_check.as_time(0.2) == "1 seconds"
    assert data_check.as_time(119) == "119 seconds"
    assert data_check.as_time(600) == "10 minutes"
    assert data_check.as_time(100_000) == "28 hours"
