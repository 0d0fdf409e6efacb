"""The server of a review: whom it answers, and whom it does not."""

import threading

import pytest
from support.files import largest_file
from support.review import ask, post, serving, session

from fsr_gdw_tf.label_review.server import MAX_BODY, Answer, ReviewServer

EMPTY = "index,name,given,label,decision\n"


@pytest.fixture
def server(tmp_path):
    """A server of six labels, of which 0, 2 and 5 are suspected."""
    (tmp_path / "secret").write_text("not for others")
    pages = {
        "": lambda: Answer(b"the page", "text/html"),
        "label_issues.csv": lambda: Answer(b"a,b\n", "text/csv"),
    }
    examples = {"image": lambda i: Answer(b"%d" % i, "image/png", cached=True)}
    with serving(ReviewServer(session(tmp_path), pages, examples)) as server:
        yield server


def saved(tmp_path) -> str:
    return (tmp_path / "decisions.csv").read_text()


def test_a_decision_is_saved_before_it_is_answered(server, tmp_path):
    status, answer = post(server, [0, 1])
    assert status == 200 and answer["changed"] == [[0, 1]]
    assert saved(tmp_path) == EMPTY + "0,images/0.jpg,class 0,class 1,relabel\n"
    status, answer = post(server, [2, -1], [5, 2], since=answer["version"])
    assert status == 200 and answer["changed"] == [[2, -1], [5, 2]]
    _, _, body = ask(server, "GET", "decisions/0")
    assert b'"changed": [[0, 1], [2, -1], [5, 2]]' in body


def test_pages_and_examples_are_answered_by_name_and_number(server):
    status, headers, body = ask(server, "GET", "")
    assert (status, body) == (200, b"the page")
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert ask(server, "GET", "label_issues.csv")[2] == b"a,b\n"
    assert ask(server, "GET", "image/5")[2] == b"5"


@pytest.mark.parametrize(
    "path",
    [
        *("../secret", "secret", "decisions.csv", "image/../../secret", "."),
        *("image/%2e%2e/secret", "..%2fsecret", "image/6", "image/-1"),
        *("image/1/", "image/01x", "image/", "other/1", "?a", "/secret"),
        *("image/99999999999999999999", "decisions/x", "image/1?x"),
        *("label_issues.csv/../secret", "label_issues.csv%00"),
    ],
)
def test_nothing_else_is_answered(server, path):
    status, _, body = ask(server, "GET", path)
    assert status in (403, 404) and b"not for others" not in body


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/", {}),
        ("/x/", {}),
        ("/x/decisions", {}),
        ("//decisions", {}),
        ("/%00/decisions", {}),
        ("decisions", {"Host": "example.com"}),
        ("decisions", {"Host": "example.com:80"}),
        ("decisions", {"Host": None}),
        ("decisions", {"Host": "127.0.0.1:1"}),
        ("decisions", {"Host": "127.0.0.1"}),
        ("decisions", {"Origin": "http://example.com"}),
        ("decisions", {"Origin": "null"}),
        ("decisions", {"Origin": None}),
        ("decisions", {"Origin": "http://127.0.0.1:1"}),
    ],
)
def test_a_post_from_elsewhere_is_refused(server, tmp_path, path, headers):
    """Without the token, by a name that was rebound, or of another page."""
    body = {"choices": [[0, 1]], "since": 0}
    status, _, _ = ask(server, "POST", path, body, **headers)
    assert status in (400, 403)
    assert saved(tmp_path) == EMPTY


@pytest.mark.parametrize("path", ["", "image/1", "decisions/0"])
def test_nothing_is_read_by_another_host_or_without_the_token(server, path):
    assert ask(server, "GET", path, Host="evil.example")[0] == 403
    assert ask(server, "GET", f"/{path}")[0] == 403
    assert ask(server, "GET", f"/{server.token[:-1]}/{path}")[0] == 403
    localhost = f"localhost:{server.server_port}"
    assert ask(server, "GET", path, Host=localhost)[0] == 200


def test_tokens_are_long_and_differ(tmp_path):
    servers = [ReviewServer(session(tmp_path), {}, {}) for _ in range(2)]
    tokens = [server.token for server in servers]
    for server in servers:
        assert server.server_address[0] == "127.0.0.1"
        server.server_close()
    assert len(set(tokens)) == 2 and min(map(len, tokens)) >= 32


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"1", b"[" * 100_000, b"\xff", b'{"choices": []}'),
        *(b'{"since": 0}', b'{"choices": [[9, 0]], "since": 0}'),
        *(b'{"choices": [[0, 1]], "since": "x"}', b'{"choices":1,"since":1}'),
        b'{"choices": [[0, 1e999]], "since": 0}',
    ],
)
def test_a_post_that_is_none_is_refused_in_one_line(server, tmp_path, body):
    status, _, text = ask(server, "POST", "decisions", body)
    assert status == 400 and text.count(b"\n") == 0 and text
    assert saved(tmp_path) == EMPTY


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": None}, 415),
        ({"Content_Length": str(MAX_BODY + 1)}, 413),
        ({"Content_Length": "-1"}, 413),
        ({"Content_Length": "x"}, 413),
        ({"Content_Length": None}, 413),
    ],
)
def test_a_post_of_another_kind_is_refused(server, headers, expected):
    assert post(server, [0, 1], **headers)[0] == expected


def test_other_methods_and_posts_to_pages_are_refused(server):
    for method in ("PUT", "DELETE", "OPTIONS", "HEAD"):
        assert ask(server, method, "decisions/0")[0] == 501
    assert ask(server, "POST", "", {})[0] == 404
    assert ask(server, "POST", "image/1", {})[0] == 404


def test_a_full_disk_is_told_and_the_next_decision_is_saved(server, tmp_path):
    post(server, [0, 1])
    size = (tmp_path / "decisions.csv").stat().st_size
    with largest_file(size + 3):
        status, text = post(server, [2, 0])
    assert status == 507 and text.startswith("it cannot be written: ")
    status, answer = post(server, [5, 0])
    assert status == 200 and answer["changed"] == [[0, 1], [5, 0]]


def test_posts_at_the_same_time_are_all_saved(server, tmp_path):
    found = []

    def decide(i):
        found.append(post(server, [i % 6, i % 3])[0])

    threads = [threading.Thread(target=decide, args=(i,)) for i in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == 24 * [200]
    assert saved(tmp_path).count("\n") == 25


def test_a_new_server_knows_the_decisions_of_the_last_one(server, tmp_path):
    post(server, [0, 1], [5, -1])
    with serving(ReviewServer(session(tmp_path), {}, {})) as again:
        _, _, body = ask(again, "GET", "decisions/0")
    assert b'"changed": [[0, 1], [5, -1]]' in body
