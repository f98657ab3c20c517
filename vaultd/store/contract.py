"""What the rooms above may ask of the store, and what they may trust.

The store is an encrypted, deduplicating map from keyed ids to immutable bytes. It knows types of blobs
(chunk, page, list), and nothing of what they mean.
"""

from collections.abc import Sequence
from typing import Protocol

Buffer = bytes | bytearray | memoryview


class Room:
    """Memory that one thread lends to its reads, one after another. Made as large as the largest needs, which
    for two buffers is 32 MiB at most, and mostly 2.
    """

    __slots__ = ("_plain", "_sealed")

    def __init__(self) -> None:
        self._sealed = self._plain = memoryview(b"")

    def sealed(self, length: int) -> memoryview:
        """`length` bytes for what is read; what was lent before is overwritten."""
        if len(self._sealed) < length:
            self._sealed = memoryview(bytearray(length))
        return self._sealed[:length]

    def plain(self, length: int) -> memoryview:
        """`length` more for what that decrypts to."""
        if len(self._plain) < length:
            self._plain = memoryview(bytearray(length))
        return self._plain[:length]


class Blobs(Protocol):
    """Blobs that can be read. What is returned was authenticated and re-hashed on this very read."""

    def type_of(self, blob_id: bytes) -> int:
        """1 chunk, 2 page, 3 list. Raises Missing."""
        ...

    def read(self, blob_id: bytes, blob_type: int) -> bytes:
        """The plain bytes of a blob of this type.

        Tries every place that holds it. Raises Missing (no place knows it, or it is of another type),
        Damaged (it is known, and no place gave bytes that are right), Unreachable.
        """
        ...

    def read_into(self, blob_id: bytes, blob_type: int, room: Room) -> Buffer:
        """Like `read`; the answer may lie in `room`, and is gone with the next call that is lent it."""
        ...

    def expect(self, blob_ids: Sequence[bytes]) -> None:
        """This thread will read these blobs next, about in this order. A hint, which replaces the last one:
        some hundred ids at once make reading small blobs cheap. Raises Unreachable.
        """
        ...

    def prepare(self) -> bool:
        """Open one of the small blobs that were expected and not read yet, for when it is read; False where
        there is none, or enough of them are ready. For a thread that has to wait for something else.
        """
        ...

    def length_of(self, blob_id: bytes) -> int:
        """Plain length in bytes, from the index, without reading the blob. Raises Missing."""
        ...


class Sink(Blobs, Protocol):
    """Blobs that can also be written. Safe to call from several threads."""

    def holds(self, blob_id: bytes) -> bool:
        """True where the blob is on the copies that this run writes to, or in what this run has begun to
        write.
        """
        ...

    def held_of(self, blob_ids: Sequence[bytes]) -> set[bytes]:
        """Those of the ids for which `holds` is True; asking for many at once costs little more than for
        one.
        """
        ...

    def write_many(self, blob_type: int, plains: Sequence[Buffer]) -> list[bytes]:
        """`write` of each blob, for small ones: what they share is done once. Their ids, in order."""
        ...

    def write(self, blob_type: int, plain: Buffer) -> bytes:
        """Store a blob unless it is held already; return its id (32 bytes).

        `plain` may be reused by the caller as soon as this returns. The blob is durable only after
        `finish`. Raises Full, ReadOnly, WrongPlace, Unreachable, at this call or any later one: a sink
        that failed once stays failed.
        """
        ...


class FolderMemory(Protocol):
    """What local state remembers of one source's folders. A hint: forgetting all of it costs time, never
    correctness.
    """

    def recall(self, path: bytes) -> tuple[bytes, bytes] | None:
        """`(look, content id)` of the folder at this path inside its source ("" for the root), or None.

        `look` is what the caller gave to `remember`, byte for byte. Rows whose content the copies no
        longer hold are not returned.
        """
        ...

    def remember(self, path: bytes, look: bytes, content: bytes) -> None:
        """Keep this row once the snapshot that is being made has been committed; dropped if it never is."""
        ...

    def forget_below(self, path: bytes) -> None:
        """Drop every row of this folder and of folders below it. What is not there is not an error."""
        ...
