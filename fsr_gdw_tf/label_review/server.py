"""A server of one review for the browser on the same machine.

Whatever else the browser has open must neither read nor write here: the address
holds a random token, the server listens on 127.0.0.1 alone, requests that name
another host (DNS rebinding) or come from another origin (CSRF) are refused, and
nothing that is asked for is ever used as a path.
"""

import http
import json
import re
import secrets
import sys
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from fsr_gdw_tf.errors import InvalidInput, first_line
from fsr_gdw_tf.label_review.session import Session

HOST = "127.0.0.1"
MAX_BODY = 2**23  # bytes of a request; a decision takes about 12
HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
JSON = "application/json"


class Answer(NamedTuple):
    """The body of a response and its type; `cached` by the browser or not."""

    body: bytes
    content_type: str
    cached: bool = False


class Refused(Exception):  # noqa: N818  named like InvalidInput
    """A request that is not answered, and the status that says why."""

    def __init__(self, status: http.HTTPStatus, reason: str):
        super().__init__(reason)
        self.status = status


class ReviewServer(ThreadingHTTPServer):
    """Serves a review; `address` is where.

    pages: answers by path, such as "" and "label_issues.csv".
    examples: answers by kind ("image", ...) for the index of an example.
    """

    daemon_threads = True
    request_queue_size = 128  # connections that wait; 5 would refuse some

    def __init__(
        self,
        session: Session,
        pages: Mapping[str, Callable[[], Answer]],
        examples: Mapping[str, Callable[[int], Answer]],
        port: int = 0,
    ):
        self.session, self.pages, self.examples = session, pages, examples
        self.token = secrets.token_urlsafe(24)
        super().__init__((HOST, port), Handler)

    @property
    def origins(self) -> set[str]:
        """Return the origins that this server has in a browser."""
        return {
            f"http://{name}:{self.server_port}" for name in (HOST, "localhost")
        }

    @property
    def address(self) -> str:
        """Return the address of the page, with the token."""
        return f"http://{HOST}:{self.server_port}/{self.token}/"

    def handle_error(self, request, client_address) -> None:
        """Print errors, except those of browsers that hang up."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """Answers a request, or says in one line why not."""

    server: ReviewServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "review", ""
    timeout = 600  # seconds until a silent connection is closed
    disable_nagle_algorithm = True

    def do_GET(self) -> None:  # http.server calls it so
        """Answer with a page, a list, an image, or the decisions so far."""
        self._answer(self._get)

    def do_POST(self) -> None:
        """Save decisions; answer with all that are new to the page."""
        self._answer(self._post)

    def _get(self) -> Answer:
        path = self._require_own_path()
        if path in self.server.pages:
            return self.server.pages[path]()
        if match := re.fullmatch(r"decisions/([0-9]{1,18})", path):
            return self._changes(int(match[1]))
        match = re.fullmatch(r"([a-z]+)/([0-9]{1,18})", path)
        if not match or match[1] not in self.server.examples:
            raise Refused(http.HTTPStatus.NOT_FOUND, "there is no such page")
        index = int(match[2])
        if index >= len(self.server.session.records):
            raise Refused(http.HTTPStatus.NOT_FOUND, f"no example {index}")
        return self.server.examples[match[1]](index)

    def _post(self) -> Answer:
        if self._require_own_path() != "decisions":
            raise Refused(http.HTTPStatus.NOT_FOUND, "there is no such page")
        if self.headers.get("Origin") not in self.server.origins:
            raise Refused(http.HTTPStatus.FORBIDDEN, "from another page")
        if self.headers.get("Content-Type") != JSON:
            raise Refused(
                http.HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"expected {JSON}"
            )
        try:
            content = json.loads(self._read_body())
            choices, since = content["choices"], int(content["since"])
        except (ValueError, TypeError, LookupError, RecursionError) as error:
            raise InvalidInput("expected choices and since") from error
        try:
            self.server.session.decide(choices)
        except OSError as error:
            status = http.HTTPStatus.INSUFFICIENT_STORAGE
            raise Refused(status, f"it cannot be written: {error}") from error
        return self._changes(since)

    def _changes(self, since: int) -> Answer:
        text = json.dumps(self.server.session.changes(since))
        return Answer(text.encode(), JSON)

    def _require_own_path(self) -> str:
        """Return the path after the token; refuse other tokens and hosts."""
        host = self.headers.get("Host", "")
        if f"http://{host}" not in self.server.origins:
            raise Refused(http.HTTPStatus.FORBIDDEN, "for another host")
        _, token, *rest = (*self.path.split("/", 2), "", "")[:3]
        own = self.server.token.encode()
        if not secrets.compare_digest(token.encode("utf-8", "replace"), own):
            raise Refused(http.HTTPStatus.FORBIDDEN, "of another review")
        return "".join(rest)

    def _read_body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch(r"[0-9]{1,9}", length) or int(length) > MAX_BODY:
            raise Refused(
                http.HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"expected at most {MAX_BODY} bytes",
            )
        return self.rfile.read(int(length))

    def _answer(self, act: Callable[[], Answer]) -> None:
        """Send what `act` returns, or the reason why it raises."""
        status = http.HTTPStatus.OK
        try:
            answer = act()
        except Refused as refused:
            status, answer = refused.status, _line(refused)
        except InvalidInput as error:
            status, answer = http.HTTPStatus.BAD_REQUEST, _line(error)
        self._send(status, answer)

    def _send(self, status: http.HTTPStatus, answer: Answer) -> None:
        if status != http.HTTPStatus.OK:
            # What is left of a body that was not read is no next request.
            self.close_connection = True
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        cache = "private, max-age=3600" if answer.cached else "no-store"
        self.send_header("Cache-Control", cache)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *args) -> None:
        """Print no line for each request."""


def _line(error: Exception) -> Answer:
    """Return the first line of an error as the body of a response."""
    body = first_line(error).encode("utf-8", "replace")
    return Answer(body, "text/plain; charset=utf-8")
