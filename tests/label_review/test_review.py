"""The review of a run folder, and its command."""

import dataclasses
import io
import json
import re
import signal
import time
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from support.forked import Forked
from support.report_page import Parsed
from support.review import ask, post, serving, six_labels
from support.runs import one_line

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.io.run_folder import RunFolder
from fsr_gdw_tf.label_quality.label_records import write_records
from fsr_gdw_tf.label_report.decisions import read_decisions
from fsr_gdw_tf.label_review.review import review_server

SIZE = (120, 90)


@pytest.fixture
def run(tmp_path):
    """The folder of a run on six image files, with an empty report."""
    folder, photos = tmp_path / "run", tmp_path / "photos"
    (folder / "report").mkdir(parents=True)
    photos.mkdir()
    names = [f"{i}.png" for i in range(6)]
    for i, name in enumerate(names):
        Image.new("RGB", SIZE, (40 * i, 0, 0)).save(photos / name)
    records, _ = six_labels(names)
    info = records.training_info | {"folder": str(photos)}
    records = dataclasses.replace(records, training_info=info)
    write_records(folder / "labels.parquet", records)
    (folder / "config.gin").write_text("SEED = 0\n")
    return folder


def opened(folder):
    return review_server(RunFolder(folder), reload=None)


def test_images_are_shown_small_and_whole_and_only_those_of_the_run(run):
    with serving(opened(run)) as server:
        status, headers, body = ask(server, "GET", "image/3")
        assert status == 200 and headers["Content-Type"] == "image/png"
        image = Image.open(io.BytesIO(body))
        assert image.size == SIZE and image.getpixel((5, 5)) == (120, 0, 0)
        assert "max-age" in headers["Cache-Control"]
        _, _, body = ask(server, "GET", "thumbnail/3")
        assert Image.open(io.BytesIO(body)).size == (96, 72)
        assert ask(server, "GET", "image/6")[0] == 404
        _, _, body = ask(server, "GET", "reason/0")
        assert body.startswith(b"model predicts class 1 (1.00), not class 0")


def test_an_image_that_is_gone_is_told(run):
    with serving(opened(run)) as server:
        (run.parent / "photos" / "3.png").unlink()
        status, _, body = ask(server, "GET", "image/3")
        assert status == 400 and b"1 of 1 image files are missing" in body
        assert post(server, [3, 1])[0] == 200


def test_the_page_lists_what_is_suspected_and_a_sample(run):
    with serving(opened(run)) as server:
        _, _, body = ask(server, "GET", "")
        columns = json.loads(ask(server, "GET", "rows.json")[2])
    assert Parsed(body.decode()).data["served"]
    assert "connect-src 'self'" in body.decode()
    assert sorted(columns["index"]) == list(range(6))
    assert set(columns["sample"]) <= {1, 2}
    assert not {"image", "why"} & set(columns)


def test_lists_are_answered_unless_links_lead_elsewhere(run):
    (run.parent / "secret").write_text("not for others")
    (run / "report" / "class_summary.csv").symlink_to(run.parent / "secret")
    (run / "report" / "label_issues.csv").write_text("index\n")
    with serving(opened(run)) as server:
        assert ask(server, "GET", "label_issues.csv")[2] == b"index\n"
        status, _, body = ask(server, "GET", "class_summary.csv")
        assert status == 400 and b"not for others" not in body
        assert ask(server, "GET", "noise_matrix.csv")[0] == 400
        post(server, [0, 1])
        _, _, body = ask(server, "GET", "decisions.csv")
        assert b"0,0.png,class 0,class 1,relabel" in body


def test_decisions_are_not_written_through_a_link(run):
    other = run.parent / "other.csv"
    other.write_text("mine")
    (run / "report" / "decisions.csv").symlink_to(other)
    with pytest.raises(InvalidInput, match="remove the link"):
        opened(run)
    assert other.read_text() == "mine"


def listening(process, out, err) -> SimpleNamespace:
    """Return where the command's server listens, as `ask` needs it."""
    start = time.monotonic()
    while time.monotonic() - start < 120:
        text = out.read_text() if out.exists() else ""
        if found := re.search(r"127\.0\.0\.1:(\d+)/(.+)/#review", text):
            return SimpleNamespace(server_port=int(found[1]), token=found[2])
        assert process.poll() is None, err.read_text()
        time.sleep(0.05)
    raise TimeoutError(err.read_text())


def test_the_command_serves_until_ctrl_c(run, tmp_path):
    """All is in the file before it ends, as if it were killed instead."""
    (run / "report" / "index.html").touch()  # no need to build it
    out, err, file = tmp_path / "out", tmp_path / "err", "decisions.csv"
    words = ["-m", "fsr_gdw_tf.report", run, "--review", "--no_open"]
    process = Forked(words, out, err)
    server = listening(process, out, err)
    assert post(server, [0, 1], [2, -1])[0] == 200
    records, _ = six_labels([f"{i}.png" for i in range(6)])
    found = read_decisions(run / "report" / file, records)
    assert found.tolist() == [1, -2, -1, -2, -2, -2]
    process.send_signal(signal.SIGINT)
    assert process.wait() == 0, err.read_text()
    said = out.read_text()
    assert "0 kept, 1 relabelled, 1 dropped, 4 undecided" in said
    assert f"python -m fsr_gdw_tf.report {run} --apply=decisions" in said


def damaged(run):
    (run / "report" / "decisions.csv").write_text("what is this?\n")


def images_gone(run):
    (run.parent / "photos").rename(run.parent / "elsewhere")


def a_file_for_a_folder(run):
    (run / "report" / "decisions.csv").mkdir()


BAD = {
    "damaged": (damaged, [], "decisions.csv has no column"),
    "images": (images_gone, [], "or pass --images=FOLDER"),
    "folder": (a_file_for_a_folder, [], "decisions.csv"),
    "both": (lambda run: None, ["--apply=drop"], "expected one of --apply"),
    "port": (lambda run: None, ["--port=1"], "choose another"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_prevents_a_review_is_told_in_one_line(case, run, report_line):
    (run / "report" / "index.html").touch()
    make_it, flags, message = BAD[case]
    if case == "port":  # one that is taken, whatever this user may do
        with opened(run) as server:
            taken = [f"--port={server.server_port}"]
            code, _, err = report_line(run, "--review", "--no_open", *taken)
    else:
        make_it(run)
        code, _, err = report_line(run, "--review", "--no_open", *flags)
    assert code == 2 and one_line(err) and message in err


def test_a_read_only_folder_is_told_before_the_review(
    run, report_line, monkeypatch
):
    """As for a user who is not root, to whom nothing is read-only."""
    (run / "report" / "index.html").touch()

    def refuse(*args):
        raise PermissionError(13, "Permission denied", "report/decisions.csv")

    monkeypatch.setattr("fsr_gdw_tf.label_review.session.write_csv", refuse)
    code, _, err = report_line(run, "--review", "--no_open")
    assert code == 2 and one_line(err) and "Permission denied" in err


def test_images_in_memory_are_shown(run):
    """The run's data are read again, by its own configuration."""
    from fsr_gdw_tf import arrays

    records, _ = six_labels([str(i) for i in range(6)])
    write_records(run / "labels.parquet", records)
    images = np.arange(6 * 8 * 8, dtype=np.uint8).reshape(6, 8, 8)
    source = arrays(images, records.given, records.class_names)
    server = review_server(RunFolder(run), reload=lambda: source)
    with serving(server):
        _, _, body = ask(server, "GET", "image/1")
    shown = np.array(Image.open(io.BytesIO(body)))
    np.testing.assert_array_equal(shown, images[1])
