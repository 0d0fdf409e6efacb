"""A review of a few labels: its decisions, and a server of it."""

import contextlib
import dataclasses
import http.client
import json
import threading

import numpy as np
from support.label_records import issues_of, records

from fsr_gdw_tf.label_review.server import ReviewServer
from fsr_gdw_tf.label_review.session import Session

GIVEN = [0, 0, 1, 1, 2, 2]
SUGGESTED = [1, 0, 0, 1, 2, 1]
SCORE = [0.95, 0.05, 0.92, 0.02, 0.03, 0.6]


def six_labels(names=None):
    """Return records and issues: labels 0, 2 and 5 of six are suspected."""
    found = records(GIVEN, np.eye(3)[SUGGESTED])
    found = dataclasses.replace(found, names=names or found.names)
    return found, issues_of(SCORE, GIVEN, SUGGESTED)


def session(folder, names=None) -> Session:
    """Return a new session on the decisions.csv of a folder."""
    return Session(*six_labels(names), folder / "decisions.csv")


@contextlib.contextmanager
def serving(server: ReviewServer):
    """Let a server answer in a thread."""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ask(server, method, path, body=None, **headers):
    """Return (status, headers, body) of a request as a browser sends it.

    path: begins with a slash, or else comes after the token.
    headers: those to replace, underscores for dashes; None leaves one out.
    """
    path = path if path.startswith("/") else f"/{server.token}/{path}"
    own = f"127.0.0.1:{server.server_port}"
    sent = {"Host": own}
    if body is not None:
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent["Origin"] = f"http://{own}"
        sent["Content-Type"] = "application/json"
        sent["Content-Length"] = str(len(body))
    sent |= {k.replace("_", "-"): v for k, v in headers.items()}
    link = http.client.HTTPConnection(
        "127.0.0.1", server.server_port, timeout=9
    )
    try:
        link.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in sent.items():
            if value is not None:
                link.putheader(name, value)
        link.endheaders(body)
        answer = link.getresponse()
        return answer.status, dict(answer.headers), answer.read()
    finally:
        link.close()


def post(server, *choices, since=0, **headers):
    """Post decisions; return the status and the answer."""
    body = {"choices": list(choices), "since": since}
    status, _, text = ask(server, "POST", "decisions", body, **headers)
    return status, json.loads(text) if status == 200 else text.decode()
