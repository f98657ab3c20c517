"""Asking the daemon of this home something, from another process of the same user."""

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from vaultd.daemon.control import address, uid_of
from vaultd.daemon.wire import MOST_BYTES, Lines, Malformed, line_of

# It answers from what it knows already.
PATIENCE = 10.0


class NoAnswer(Exception):
    """There is no daemon that answers: none runs, it is another user's, it hangs, or speaks another version.

    `why` is what it said where it refused, else nothing.
    """

    def __init__(self, why: str = "") -> None:
        super().__init__(why)
        self.why = why


def ask(path: Path, what: str, **words: Any) -> dict[str, Any]:
    """What the daemon that listens there answers. Raises NoAnswer."""
    with _connected(path) as connection:
        try:
            connection.sendall(line_of({"ask": what, **words}))
            return _answered(Lines(connection, MOST_BYTES))
        except OSError:
            raise NoAnswer from None


@contextlib.contextmanager
def turn(path: Path, waits: Callable[[str], None]) -> Iterator[None]:
    """Be the one who writes, as far as the daemon is concerned. `waits` is told what it has in hand meanwhile
    (`save`, `catch-up`, `look`). Where no daemon answers, or it dies, there is nobody to wait for: the
    lock of the writer decides.
    """
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(NoAnswer, OSError):
            connection = stack.enter_context(_connected(path))
            connection.sendall(line_of({"ask": "turn"}))
            lines = Lines(connection, MOST_BYTES)
            while not (answer := _answered(lines))["granted"]:
                # It may be busy with its first snapshot for as long as that must not be put aside.
                connection.settimeout(None)
                waits(str(answer.get("doing", "")))
        yield


def _answered(lines: Lines) -> dict[str, Any]:
    try:
        answer = lines.next()
    except Malformed:
        raise NoAnswer from None
    if answer is None:
        raise NoAnswer
    if answer.get("ok") is not True:
        raise NoAnswer(str(answer.get("why", "")))
    return answer


@contextlib.contextmanager
def _connected(path: Path) -> Iterator[socket.socket]:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with connection:
        connection.settimeout(PATIENCE)
        try:
            with address(path) as name:
                connection.connect(name)
            trusted = uid_of(connection) == os.getuid()
        except OSError:
            raise NoAnswer from None
        if not trusted:
            raise NoAnswer
        yield connection
