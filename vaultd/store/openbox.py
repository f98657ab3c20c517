"""One pack that is being filled, and when it is full."""

from dataclasses import dataclass, field

from vaultd.format.box import BoxWriter, padme
from vaultd.format.limits import HEAD, MAX_BLOB

# About how long a pack is: long enough that a disk or server is not kept busy with names, short enough that
# one damaged file costs little and four buffers fit in memory.
PACK_SIZE = 16 * 1024 * 1024
# A pack of 16 MiB is padded to the next 512 KiB, 1.5 % of it on average and 3 % where its blobs are small.
# So it is closed where little is missing: from 7/8 of its size once padding would be less than 1/256, at 5/4
# in any case. That leaves 0.5 % for large blobs, which have few places to close it at, and 0.3 % for others.
_LEAST, _MOST, _WASTE = 7 / 8, 5 / 4, 256
# Half a kilobyte of objects for each blob, until its pack is on the copy: 16 MB for each of the three.
_MOST_BLOBS = 1 << 15
# The last blob may be as large as blobs get, and the table of a pack of tiny blobs (34 bytes sealed, 42 in
# the table) is longer than the blobs themselves; pages of an anonymous map that are not touched cost
# nothing.
BUFFER_SIZE = 2 * PACK_SIZE + MAX_BLOB + (8 << 20)
# Opening a blob of less than 100 KB is mostly Python: done in another thread it holds up who fills the next
# pack. So a pack of more blobs is verified by a second process, once there is a whole pack of them (starting
# one takes 0.1 s), or by who filled it; any other pack by the thread that puts it.
_MANY = PACK_SIZE // (100 * 1000)


@dataclass(slots=True)
class OpenBox:
    """A box from its first blob until its rows are in the index."""

    writer: BoxWriter
    # Its buffer, and where that begins among all buffers.
    buffer: memoryview
    begin: int
    kind: int
    # Where each blob starts, and the next one will.
    starts: list[int] = field(default_factory=lambda: [HEAD])
    # All of it and its hash, once it is closed and was verified.
    sealed: tuple[memoryview, bytes] | None = None

    @property
    def of_many(self) -> bool:
        """Whether opening it is mostly Python, and so a process of its own is worth it."""
        return len(self.writer.rows) > _MANY

    @property
    def is_full(self) -> bool:
        """Whether it is to be closed."""
        return len(self.writer.rows) >= _MOST_BLOBS or _is_full(self.writer.size)


def _is_full(size: int) -> bool:
    """Whether a pack of this many bytes, before padding, is to be closed."""
    if size < _LEAST * PACK_SIZE:
        return False
    return size >= _MOST * PACK_SIZE or (padme(size) - size) * _WASTE <= size
