"""That a daemon runs, and what it says of itself: for other processes of the same user.

A lock says that it runs, which no dead process holds; a file beside it says the rest, and is believed only
while the lock is held.
"""

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from vaultd.errors import Busy
from vaultd.settings import Home, write_whole
from vaultd.store.lock import writer_lock

_BEAT = 10.0


def _lock_file(home: Home) -> Path:
    return home.state / "daemon.lock"


def _words_file(home: Home) -> Path:
    return home.state / "daemon.json"


def log_file(home: Home) -> Path:
    """Where a daemon in the background writes what it would say to somebody."""
    return home.state / "daemon.log"


@contextmanager
def presence(home: Home) -> Iterator[None]:
    """Be the daemon of this home. Raises Busy with the pid of the one that is."""
    with writer_lock(_lock_file(home)):
        try:
            yield
        finally:
            with suppress(OSError):
                _words_file(home).unlink()


def pid_of(home: Home) -> int:
    """The process that is the daemon of this home; 0 where there is none."""
    if not _lock_file(home).exists():
        return 0
    try:
        with writer_lock(_lock_file(home)):
            return 0
    except Busy as busy:
        return busy.pid


def say_of_myself(home: Home, words: dict[str, Any]) -> None:
    """Replace what is said. Raises OSError."""
    write_whole(_words_file(home), json.dumps({"pid": os.getpid(), **words}).encode())


def said(home: Home, pid: int) -> dict[str, Any]:
    """What the daemon with this pid said last; nothing where it has not yet."""
    try:
        found = json.loads(_words_file(home).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and found.get("pid") == pid else {}


class Pulse:
    """Tells systemd that the daemon goes on, at most every ten seconds; called as often as one likes."""

    def __init__(self) -> None:
        self._next = 0.0

    def __call__(self) -> None:
        if (now := time.monotonic()) >= self._next:
            self._next = now + _BEAT
            notify(b"WATCHDOG=1")


def notify(words: bytes, address: str | None = None) -> None:
    """Tell systemd ("READY=1", "STOPPING=1"), where it started us and asked for it (sd_notify(3)). That
    nobody listens is not an error.
    """
    where = os.environ.get("NOTIFY_SOCKET", "") if address is None else address
    if not where.startswith(("/", "@")):
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as told:
        told.sendto(words, "\0" + where[1:] if where.startswith("@") else where)
