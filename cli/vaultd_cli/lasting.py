"""What a daemon says goes into a log, and that log may stand on a disk that is full: lines are lost then, and
saving goes on.
"""

import errno
import io
import os
import sys
from typing import Any, TextIO

from vaultd_cli.console import Console

_LOST = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG, errno.EROFS})


class _Lossy(io.RawIOBase):
    """A descriptor, which takes everything: what its disk does not take is gone."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return os.isatty(self._fd)

    def write(self, data: Any, /) -> int:
        try:
            return os.write(self._fd, data)
        except OSError as error:
            if error.errno not in _LOST:
                raise
            return memoryview(data).nbytes


def talk_on(console: Console) -> None:
    """From now on no disk that is full, or fails, behind stdout and stderr ends this process."""
    console.out = sys.stdout = _lasting(sys.stdout)
    console.err = sys.stderr = _lasting(sys.stderr)


def _lasting(stream: TextIO) -> TextIO:
    stream.flush()
    raw = _Lossy(stream.fileno())
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=stream.encoding, errors=stream.errors, line_buffering=True
    )
