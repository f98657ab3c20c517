"""One writer per device: a lock that the kernel lets go of when its holder dies, however it dies."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from vaultd.errors import Busy


@contextlib.contextmanager
def writer_lock(path: Path) -> Iterator[None]:
    """Hold the device's writer lock. Raises Busy at once, with the holder's pid, where somebody else has
    it.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(str(path), _holder(fd)) from None
        # The file itself stays: removing it would let two processes lock two files of one name.
        os.ftruncate(fd, 0)
        os.pwrite(fd, b"%d\n" % os.getpid(), 0)
        yield
    finally:
        os.close(fd)


def _holder(fd: int) -> int:
    text = os.pread(fd, 32, 0).strip()
    return int(text) if text.isdigit() else 0
