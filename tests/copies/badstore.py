"""A store that misbehaves on purpose, and may stand in front of a real one.

`answers` is asked first, with the method, the path with its query, and the headers; what it gives is the
answer. Where it gives None the request goes on to the store at `behind`, byte for byte, signature and all.
"""

import http.client
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlparse

import pytest

from tests.copies.places import KEYS
from vaultd.errors import VaultdError


@dataclass(frozen=True)
class Answer:
    """`cut`: the connection ends after so many bytes of the body. `slowly`: seconds after each byte."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    slowly: float = 0


def refusal(status: int, code: str) -> Answer:
    """An error as S3 words it."""
    return Answer(status, f'<?xml version="1.0"?><Error><Code>{code}</Code></Error>'.encode())


PORTAL = Answer(200, b"<html>Welcome to our hotel!</html>", {"content-type": "text/html"})
WHEN = "<LastModified>2026-11-23T08:40:45.000Z</LastModified>"


def listing(*keys: str, more: str = "") -> Answer:
    """A page of a listing; `more` is where the next one starts."""
    rows = "".join(f"<Contents><Key>{key}</Key><Size>1</Size><ETag>x</ETag>{WHEN}</Contents>" for key in keys)
    cut = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{more}</NextContinuationToken>"
    ended = "<IsTruncated>false</IsTruncated>"
    return Answer(200, f"<ListBucketResult>{cut if more else ended}{rows}</ListBucketResult>".encode())


class BadStore:
    """What it was asked stands in `asked`: method and path with query."""

    def __init__(self, behind: str = "") -> None:
        self.behind = urlparse(behind).netloc
        self.answers: Callable[[str, str, dict[str, str]], Answer | None] = lambda *_: None
        self.asked: list[tuple[str, str]] = []
        self.endpoint = ""

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        self.asked.append((method, path))
        made = self.answers(method, path, headers)
        return made or self._ask(method, path, headers, body)

    def _ask(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        connection = http.client.HTTPConnection(self.behind, timeout=30)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                # The signature is for the name that the client knows; radosgw and rclone go by the header.
                connection.putheader(name, value)
            connection.endheaders(body)
            given = connection.getresponse()
            kept = {k: v for k, v in given.getheaders() if k.lower() not in _HOP}
            return Answer(given.status, given.read(), kept)
        finally:
            connection.close()


_HOP = {"connection", "transfer-encoding", "keep-alive", "server", "date"}


@contextmanager
def bad_store(behind: str = "") -> Iterator[BadStore]:
    store = BadStore(behind)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except ConnectionError:
                self.close_connection = True

        def serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            _send(self, store.answer(self.command, self.path, dict(self.headers.items()), body))

        def log_message(self, *_: object) -> None: ...

    for method in ("GET", "HEAD", "PUT", "POST", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.serve)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    store.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _send(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    handler.send_response(answer.status)
    for name, value in answer.headers.items():
        if name.lower() != "content-length":
            handler.send_header(name, value)
    length = {k.lower(): v for k, v in answer.headers.items()}.get("content-length", str(len(answer.body)))
    handler.send_header("content-length", length)
    handler.end_headers()
    if handler.command == "HEAD":
        return
    if answer.slowly:
        for byte in answer.body:
            handler.wfile.write(bytes([byte]))
            time.sleep(answer.slowly)
        return
    handler.wfile.write(answer.body[: answer.cut])
    if answer.cut is not None:
        handler.close_connection = True


def on(method: str, part: str, answer: Answer) -> Callable[[str, str, dict[str, str]], Answer | None]:
    """That answer whenever a request of `method` has `part` in its path."""
    return lambda asked, path, _: answer if asked == method and part in path else None


def raised(use: Callable[[], object]) -> VaultdError:
    """What `use` raises, which tells no secret, whoever prints all of it."""
    with pytest.raises(VaultdError) as caught:
        use()
    told = "".join(traceback.format_exception(caught.value))
    assert KEYS.secret not in told
    assert "Credential=" not in told
    return caught.value
