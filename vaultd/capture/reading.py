"""The bytes of an open file: where they are, and whether they stood still while they were read."""

import errno
import os

from vaultd.capture.unreadable import unreadable

Part = tuple[int, int]
# What reading at an offset answers for a FIFO or socket, and for a folder.
_NO_FILE = (errno.ESPIPE, errno.EISDIR)
# A map of 200,000 parts of up to 19 bytes is 3.8 MB, well below what a reader takes; holes beyond that are
# read.
MOST_PARTS = 200_000
_BLOCK = 512  # the unit of st_blocks, whatever the file system's own is


def has_holes(st: os.stat_result) -> bool:
    """True where a file takes less room than its size: it may have holes, or be packed by the file system."""
    return st.st_blocks * _BLOCK < st.st_size


def read_at(fd: int, view: memoryview, offset: int) -> int:
    """Read into `view`; how many bytes came, which may be fewer. Raises Unreadable."""
    try:
        return os.preadv(fd, [view], offset)
    except OSError as error:
        raise unreadable(error, "read") from error


def read_whole(fd: int, size: int) -> bytearray | None:
    """All of a file of this size; None where it gave less, or is no file. Raises Unreadable."""
    plain = bytearray(size)
    try:
        count = os.preadv(fd, [memoryview(plain)], 0)
    except OSError as error:
        if error.errno in _NO_FILE:
            return None
        raise unreadable(error, "read") from error
    return plain if count == size else None


def parts_of(fd: int, st: os.stat_result) -> list[Part] | None:
    """The parts of a sparse file that are not holes: `(offset, length)`, ascending, not touching. None for
    a file without holes, and where the file system cannot tell. Raises Unreadable.
    """
    if not has_holes(st):
        return None
    try:
        parts = _data_parts(fd, st.st_size)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.EOPNOTSUPP):
            return None
        raise unreadable(error, "seek") from error
    return None if parts == [(0, st.st_size)] else parts


def _data_parts(fd: int, size: int) -> list[Part]:
    parts: list[Part] = []
    end = 0
    while end < size:
        try:
            start = os.lseek(fd, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nothing but a hole from here to the end
                break
            raise
        end = min(os.lseek(fd, start, os.SEEK_HOLE), size)
        if start < end:
            parts.append((start, end - start))
    return coarser(_joined_over(parts, 0), MOST_PARTS)


def coarser(parts: list[Part], most: int) -> list[Part]:
    """At most `most` parts that cover all of these: those with the smallest holes between them become one."""
    hole = 4096  # the block of nearly all file systems
    while len(parts) > most:
        parts = _joined_over(parts, hole)
        hole *= 2
    return parts


def _joined_over(parts: list[Part], hole: int) -> list[Part]:
    """With `hole` 0: parts that touch as one, since a file that is written to meanwhile may tell one part
    as two.
    """
    joined: list[Part] = []
    for offset, length in parts:
        if joined and offset - sum(joined[-1]) <= hole:
            joined[-1] = (joined[-1][0], offset + length - joined[-1][0])
        else:
            joined.append((offset, length))
    return joined


class Stream:
    """The parts of an open file as one stream of bytes. It ends with the last part, or where the file ends
    before it: `parts` is then what was really read.
    """

    def __init__(self, fd: int, parts: list[Part]) -> None:
        self._fd = fd
        self._todo = parts[::-1]
        self.parts: list[Part] = []
        self.total = 0

    def fill(self, view: memoryview) -> int:
        """Fill `view` from its start, wholly unless the stream ends; return how many bytes. Raises
        Unreadable.
        """
        filled = 0
        while self._todo and filled < len(view):
            offset, length = self._todo.pop()
            count = read_at(self._fd, view[filled : filled + length], offset)
            if count == 0:
                self._todo.clear()
                break
            filled += count
            self._keep(offset, count)
            if count < length:
                self._todo.append((offset + count, length - count))
        return filled

    def _keep(self, offset: int, count: int) -> None:
        self.total += count
        if self.parts and sum(self.parts[-1]) == offset:
            self.parts[-1] = (self.parts[-1][0], self.parts[-1][1] + count)
        else:
            self.parts.append((offset, count))

    def at_end(self, size: int) -> bool:
        """True where the file has nothing past `size` bytes; some virtual files say 0 and hold more."""
        return read_at(self._fd, memoryview(bytearray(1)), size) == 0


def stat_again(fd: int) -> os.stat_result:
    """fstat. Raises Unreadable."""
    try:
        return os.fstat(fd)
    except OSError as error:
        raise unreadable(error, "stat") from error


def stood_still(before: os.stat_result, after: os.stat_result) -> bool:
    """True where nothing says that the file was written to between the two. The change time catches who
    restores times.
    """
    return (
        before.st_size == after.st_size
        and before.st_mtime_ns == after.st_mtime_ns
        and before.st_ctime_ns == after.st_ctime_ns
    )
