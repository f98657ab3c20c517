"""What goes over the socket of the daemon: one line of JSON each way, of a limited length.

    -> {"v": 1, "ask": "pause", "seconds": 7200}
    <- {"v": 1, "ok": true, "until": 1790000000.0}
    <- {"v": 1, "ok": false, "why": "unknown"}

Whoever is asked something in another version answers `"why": "version"`, in its own.
"""

import json
from typing import Any, Protocol

VERSION = 1
# The longest that anybody says: the state of a few hundred sources.
MOST_BYTES = 1 << 20
# The longest that anybody asks.
MOST_ASKED = 4096


class Malformed(Exception):
    """Not a line of this protocol."""


class Socket(Protocol):
    def recv(self, size: int, /) -> bytes: ...


class Lines:
    """The lines that come from a socket. Not to be shared between threads."""

    def __init__(self, connection: Socket, most: int) -> None:
        self._connection, self._most = connection, most
        self._rest = b""

    def next(self) -> dict[str, Any] | None:
        """The next one; None at the end. Raises Malformed, OSError (also for one that takes too long)."""
        while b"\n" not in self._rest:
            if len(self._rest) > self._most:
                raise Malformed
            more = self._connection.recv(65_536)
            if not more:
                return None
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        return read(line, self._most)


def read(line: bytes, most: int) -> dict[str, Any]:
    """What a line says. Raises Malformed."""
    if len(line) > most:
        raise Malformed
    try:
        words = json.loads(line)
    except (ValueError, RecursionError):
        raise Malformed from None
    if not isinstance(words, dict) or not isinstance(words.get("v"), int):
        raise Malformed
    return words


def line_of(words: dict[str, Any]) -> bytes:
    return json.dumps({"v": VERSION, **words}).encode() + b"\n"


def refused(why: str) -> bytes:
    """The answer to what is not done: `version`, `unknown`, `malformed`, `too-many`, `values`."""
    return line_of({"ok": False, "why": why})
