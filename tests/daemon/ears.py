"""Channels of tests: a web hook and a mail server on loopback, which take what they are told or do not."""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, TypeVar

T = TypeVar("T", bound=socketserver.TCPServer)
TOKEN = "a-secret-token-4711"


class Hook:
    """A web hook; answers with `status`, once `answers` is set."""

    def __init__(self) -> None:
        self.status = 200
        self.answers = threading.Event()
        self.answers.set()
        self.heard: list[dict[str, Any]] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.heard.append(json.loads(body))
                hook.answers.wait(30)
                self.send_response(hook.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"json://user:{TOKEN}@127.0.0.1:{self.server.server_port}/hook"


@contextmanager
def hook() -> Iterator[Hook]:
    made = Hook()
    with _serving(made.server):
        yield made


class Mail(socketserver.TCPServer):
    """As much of RFC 5321 as one mail needs. Refuses every recipient where `refuses` is set."""

    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.refuses = False
        self.heard: list[str] = []

    @property
    def url(self) -> str:
        return f"mailto://127.0.0.1:{self.server_address[1]}?from=vaultd@example.org&to=owner@example.org"


class _Talk(socketserver.StreamRequestHandler):
    server: Mail

    def handle(self) -> None:
        self._say("220 here")
        while line := self.rfile.readline().decode().strip():
            word = line[:4].upper()
            if word == "DATA":
                self._say("354 go on")
                self.server.heard.append(self._mail())
                self._say("250 taken")
            elif word == "RCPT" and self.server.refuses:
                self._say("550 no such person")
            elif word == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 well")

    def _mail(self) -> str:
        lines = []
        while (line := self.rfile.readline().decode()) not in (".\r\n", ""):
            lines.append(line)
        return "".join(lines)

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def mail() -> Iterator[Mail]:
    with _serving(Mail()) as server:
        yield server


@contextmanager
def _serving(server: T) -> Iterator[T]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
