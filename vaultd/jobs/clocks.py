"""How finely the file systems of a target keep times, found by trying it on a file of our own.

A time that was cut by a coarse clock is equal to the one that was asked for; on every other file system two
times are equal or they are not.
"""

import errno
import os

from vaultd.jobs.aside import NEW_FILE, temporary_name

# In ns: FAT; ext3, HFS+ and old servers; exFAT; what goes through FUSE or SMB; NTFS.
COARSE = (2_000_000_000, 1_000_000_000, 10_000_000, 1_000, 100)
_FINE = 1
# Cut by any of the clocks above, this time becomes a different one.
_TRIED = 1_000_000_001_123_456_789
_NAMELESS = os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC
_NOT_NAMELESS = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL)


class Clocks:
    """Tried once for each file system, when it is first asked for; nothing that was there is touched.

    `write` allows a file with a name where there are none without. Where nothing can be tried, a file system
    that knows no nameless files may be coarse, and all others are fine.
    """

    def __init__(self, *, write: bool) -> None:
        self._write = write
        self._known: dict[int, tuple[int, ...]] = {}

    def same_time(self, there: int, wanted: int, folder: int, device: int) -> bool:
        """Whether a time found in an open folder of a file system is what became of `wanted` there; ns."""
        if there == wanted:
            return True
        cut = [clock for clock in COARSE if there == wanted - wanted % clock]
        return bool(cut) and any(clock in cut for clock in self._of(folder, device))

    def _of(self, folder: int, device: int) -> tuple[int, ...]:
        if device not in self._known:
            try:
                self._known[device] = self._try(folder)
            except OSError:
                return (_FINE,)  # another folder of this file system may let us
        return self._known[device]

    def _try(self, folder: int) -> tuple[int, ...]:
        try:
            return _tried(os.open(b".", _NAMELESS, 0o600, dir_fd=folder))
        except OSError as error:
            if error.errno not in _NOT_NAMELESS:
                raise
        if not self._write:
            return COARSE
        name = temporary_name()
        fd = os.open(name, NEW_FILE, 0o600, dir_fd=folder)
        try:
            return _tried(fd)
        finally:
            os.unlink(name, dir_fd=folder)


def _tried(fd: int) -> tuple[int, ...]:
    """The clocks that make of a time what became of it. Closes `fd`."""
    try:
        os.utime(fd, ns=(_TRIED, _TRIED))
        kept = os.fstat(fd).st_mtime_ns
    finally:
        os.close(fd)
    return tuple(clock for clock in (_FINE, *COARSE) if kept == _TRIED - _TRIED % clock)
