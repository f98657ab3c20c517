"""The daemon's socket: what other processes of the same user may ask of it."""

import contextlib
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from vaultd.daemon.turns import Turns
from vaultd.daemon.wire import MOST_ASKED, VERSION, Lines, Malformed, line_of, refused

# Callers at a time; more are refused at once. A desktop has a handful.
MOST_CALLERS = 64
# A caller who says nothing for so long is let go of, unless it is his turn.
SILENCE = 30.0
# At most so many questions of one caller in a second; more wait.
PER_SECOND = 20
_CREDENTIALS = struct.Struct("3i")

Answer = Callable[[dict[str, Any]], dict[str, Any]]
"""What is answered to a question; ValueError for words that it does not take."""


class Control:
    """Listens from `start` to `stop`. `answers` by what is asked; each is called in a thread of the caller,
    and must be quick. Asking for a `turn` is answered when it comes, and ends with the connection.
    """

    def __init__(self, path: Path, answers: Mapping[str, Answer], turns: Turns) -> None:
        self._path, self._answers, self._turns = path, answers, turns
        self._listening: socket.socket | None = None
        self._callers = threading.Semaphore(MOST_CALLERS)
        self._open: set[socket.socket] = set()

    def start(self) -> None:
        """Whoever calls is the daemon of this home, by its lock: what stands there is of a dead one. Raises
        OSError.
        """
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with address(self._path) as name:
                with contextlib.suppress(FileNotFoundError):
                    self._path.unlink()
                listening.bind(name)
                self._path.chmod(0o600)
            listening.listen(MOST_CALLERS)
        except BaseException:
            listening.close()
            raise
        self._listening = listening
        threading.Thread(target=self._accept, args=(listening,), daemon=True).start()

    def stop(self) -> None:
        """Nobody is answered any more. Stopping twice is not an error."""
        listening, self._listening = self._listening, None
        if listening is None:
            return
        with contextlib.suppress(OSError):
            self._path.unlink()
        for each in (listening, *self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        listening.close()

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                if self._listening is None:
                    return
                time.sleep(1)  # no descriptors left
                continue
            if not self._callers.acquire(blocking=False):
                self._dismiss(connection)
                continue
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _dismiss(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.settimeout(0)
            connection.send(refused("too-many"))

    def _serve(self, connection: socket.socket) -> None:
        self._open.add(connection)
        try:
            with connection, contextlib.suppress(OSError):
                connection.settimeout(SILENCE)
                if uid_of(connection) == os.getuid():
                    self._converse(connection)
        finally:
            self._open.discard(connection)
            self._callers.release()

    def _converse(self, connection: socket.socket) -> None:
        lines = Lines(connection, MOST_ASKED)
        while True:
            try:
                asked = lines.next()
            except Malformed:
                connection.sendall(refused("malformed"))
                return
            if asked is None:
                return
            if asked["v"] == VERSION and asked.get("ask") == "turn":
                self._give_turn(connection)
                return
            connection.sendall(self._answer(asked))
            time.sleep(1 / PER_SECOND)

    def _answer(self, asked: dict[str, Any]) -> bytes:
        if asked["v"] != VERSION:
            return refused("version")
        known = self._answers.get(str(asked.get("ask")))
        if known is None:
            return refused("unknown")
        try:
            return line_of({"ok": True, **known(asked)})
        except ValueError:
            return refused("values")

    def _give_turn(self, connection: socket.socket) -> None:
        def waits(doing: str) -> None:
            with contextlib.suppress(OSError):
                connection.sendall(line_of({"ok": True, "granted": False, "doing": doing}))

        with self._turns.given(lambda: is_gone(connection), waits) as has_it:
            if has_it:
                connection.settimeout(None)
                connection.sendall(line_of({"ok": True, "granted": True}))
                while connection.recv(4096):
                    pass


@contextlib.contextmanager
def address(path: Path) -> Iterator[str]:
    """A name for a socket at this path, however long the path is: the system allows some hundred bytes."""
    if not os.path.isdir("/proc/self/fd"):
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def uid_of(connection: socket.socket) -> int:
    """Whose process is at the other end (unix(7))."""
    if not hasattr(socket, "SO_PEERCRED"):
        return os.getuid()  # the folder of the socket is its owner's only
    size = _CREDENTIALS.size
    _, uid, _ = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return int(uid)


def is_gone(connection: socket.socket) -> bool:
    """Whether whoever is at the other end closed it, or died."""
    # A socket with a time limit waits for it even where it is told not to wait: so it is asked for first.
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    if not poll.poll(0):
        return False
    try:
        return not connection.recv(1, socket.MSG_PEEK)
    except OSError:
        return True
