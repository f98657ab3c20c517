"""A file system at a folder, spoken to over /dev/fuse: what `fusermount3` mounts, this process answers for.

docs/decisions/0025-mount.md says why no library stands between.
"""

import contextlib
import errno
import logging
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Self

from vaultd.copies.identity import mounts_inside
from vaultd.errors import NoFuse
from vaultd.mount import kernel
from vaultd.mount.answers import Answers, Parts

log = logging.getLogger("vaultd.mount")
_THREADS = 8
# The kernel wants room for the longest write that we take, and gives many forgotten numbers at a time.
_ROOM = 1 << 16
# How long what is being answered at the end may take, and the helper.
_LAST, _PATIENCE = 0.5, 5.0
_OPTIONS = "ro,nosuid,nodev,fsname=vaultd,subtype=vaultd,auto_unmount"
_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def program() -> str | None:
    """What may mount for a user, if it is installed."""
    return shutil.which("fusermount3") or shutil.which("fusermount")


class Device:
    """Mounted from the start of a `with` to its end. Raises RuntimeError where that fails."""

    def __init__(self, folder: str, *, allow_other: bool) -> None:
        self._folder = folder
        # Otherwise everybody could read what its owner alone may.
        self._options = _OPTIONS + (",allow_other,default_permissions" if allow_other else "")
        self._ended = threading.Event()
        self._is_gone = self._is_read = False
        self._helper: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        found = program()
        if found is None:
            raise NoFuse("program")
        self._program = found
        with contextlib.ExitStack() as stack:
            stack.enter_context(_told_to_end(self._ended.set))
            self._held, its = socket.socketpair()
            stack.callback(self._let_go)
            # It stays for as long as `_held` is open, to clear what a process that was killed leaves.
            self._helper = subprocess.Popen(
                [found, "-o", self._options, "--", self._folder],
                env={**os.environ, "_FUSE_COMMFD": str(its.fileno())},
                pass_fds=[its.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
            its.close()
            self._device = _given(self._held)
            self._number = _number_of(self._folder)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        if not self._is_read:
            os.close(self._device)
        self._stack.close()

    def _let_go(self) -> None:
        self._held.close()
        if self._helper is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._helper.wait(_PATIENCE)

    def begin(self) -> None:
        """Agree with the kernel on how to speak. Raises RuntimeError."""
        room = memoryview(bytearray(_ROOM))
        length = os.readv(self._device, [room])
        _, op, request, *_ = kernel.REQUEST.unpack_from(room)
        words = room[kernel.REQUEST.size : length]
        major, minor, ahead, able = kernel.ASKED.unpack_from(words)
        if op != kernel.Op.INIT or (major, minor) < (kernel.MAJOR, kernel.LEAST_MINOR):
            raise RuntimeError(f"{op} {major}.{minor}")
        agreed = kernel.AGREED.pack(
            *(kernel.MAJOR, min(minor, kernel.MINOR) if major == kernel.MAJOR else kernel.MINOR),
            *(ahead, able & kernel.WANTED, 0, 0, kernel.MOST_WRITE, 1),
        )
        self._write(request, 0, (agreed,))

    def serve(self, answers: Answers) -> None:
        """Until it is unmounted, by whomever, or by a signal that would end the process."""
        threads = [
            threading.Thread(target=self._answer_all, args=(answers,), name="kernel", daemon=True)
            for _ in range(_THREADS)
        ]
        for thread in threads:
            thread.start()
        self._ended.wait()
        if not self._is_gone:
            self._unmount()
        until = time.monotonic() + _LAST
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
        # Whoever has a file open may keep one waiting: then the end of the process closes it, lest it reads
        # from what gets this number next.
        self._is_read = any(thread.is_alive() for thread in threads)

    def _unmount(self) -> None:
        """Wherever it is by now: a folder above it may have another name."""
        found = [each.point for each in mounts_inside(Path("/")) if each.device == self._number]
        for folder in found or [self._folder]:
            subprocess.run([self._program, "-u", "-q", "-z", "--", folder], check=False)

    def _answer_all(self, answers: Answers) -> None:
        room = memoryview(bytearray(_ROOM))
        head = kernel.REQUEST.size
        while not self._ended.is_set():
            try:
                length = os.readv(self._device, [room])
            except OSError as error:
                if error.errno in (errno.ENOENT, errno.EINTR, errno.EAGAIN):
                    continue  # whoever asked does not wait any more
                self._is_gone = True
                self._ended.set()
                return
            _, op, request, made, _, _, who = kernel.REQUEST.unpack_from(room)
            found = answers.answer(op, made, room[head:length], who)
            if isinstance(found, int):
                self._write(request, -found, ())
            elif found is not None:
                self._write(request, 0, found)

    def tell(self, what: int, *parts: bytes) -> bool:
        """Something has changed; False where the kernel knows nothing of it."""
        return self._write(0, what, parts) != errno.ENOENT

    def _write(self, request: int, error: int, parts: Parts) -> int:
        """The number of what went wrong, or 0: mostly, nobody waits for it any more."""
        length = kernel.ANSWER.size + sum(map(len, parts))
        try:
            os.writev(self._device, [kernel.ANSWER.pack(length, error, request), *parts])
        except OSError as wrong:
            return wrong.errno or errno.EIO
        return 0


def _given(held: socket.socket) -> int:
    """The device that the helper hands over. Raises RuntimeError where it ends without, and has said why."""
    with contextlib.suppress(OSError):
        _, given, _, _ = socket.recv_fds(held, 1, 1)
        if given:
            return given[0]
    raise RuntimeError("nothing was mounted")


def _number_of(folder: str) -> str:
    """Of the file system that was just mounted there, without asking it: it cannot answer yet."""
    above, name = os.path.split(folder)
    point = os.path.join(os.path.realpath(above), name)
    found = [mount.device for mount in mounts_inside(Path(above)) if mount.point == point]
    return found[-1] if found else ""


@contextlib.contextmanager
def _told_to_end(end: Callable[[], None]) -> Iterator[None]:
    """Signals end it, where they have their plain meaning."""

    def on_signal(_: int, __: FrameType | None) -> None:
        end()

    before = {number: signal.getsignal(number) for number in _ENDING}
    plain = [number for number, handler in before.items() if handler == signal.SIG_DFL]
    for number in plain:
        signal.signal(number, on_signal)
    try:
        yield
    finally:
        for number in plain:
            signal.signal(number, signal.SIG_DFL)
