"""From bytes to content: cut into chunks, given to the sink, listed.

A file is read while the one before it is still being stored: two buffers take turns, and the content of a
file is asked for when its entry is made.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from vaultd.capture.reading import Part, Stream, parts_of, stat_again, stood_still
from vaultd.format.chunker import Chunker, Cut
from vaultd.format.entry import Entry
from vaultd.format.extra import encode_sparse
from vaultd.format.keys import Keys
from vaultd.format.limits import CHUNK, LIST, MAX_INLINE_VALUE, Buffer
from vaultd.format.lists import ContentBuilder
from vaultd.store.contract import Sink
from vaultd.tree.batch import Finish, Item, Plains, in_order
from vaultd.tree.writers import Begun, Writers

# Two chunks of the largest size: one being cut, one being read behind it.
BUFFER = 8 << 20
# One being read into while the other is being stored.
BUFFERS = 2
TRIES = 3  # a file that is written to is read again, and once more

Pair = tuple[bytes, int]
Pairs = tuple[Pair, ...]


class Chunks:
    """The content of a file that was read; part of it may still be on its way to the sink."""

    def __init__(self, write_list: Callable[[bytes], bytes]) -> None:
        self._content = ContentBuilder(write_list)
        self._begun = deque[Begun]()

    def add(self, begun: Begun) -> None:
        """What follows. Raises what the sink raised at chunks whose buffer was used again since."""
        self._begun.append(begun)
        self._settle(BUFFERS)

    def finish(self) -> Pairs | bytes:
        """The content as an entry holds it, once all of it was taken by the sink. Raises what that raised."""
        self._settle(0)
        return self._content.finish()

    def _settle(self, left: int) -> None:
        """Wait for all but the last so many."""
        while len(self._begun) > left:
            for blob_id, length in self._begun.popleft().pairs():
                self._content.add(blob_id, length)


class Stored(NamedTuple):
    """What was read of a file. `size` is the file's, holes included; `parts` is None where it has none.

    `st` is its stat as the read began, and unless `still` is False nothing says that it changed until the
    end.
    """

    chunks: Chunks
    size: int
    parts: tuple[Part, ...] | None
    st: os.stat_result
    still: bool


@dataclass(slots=True)
class _Buffer:
    """`begun` are the chunks in it that may still be looked at."""

    view: memoryview
    begun: Begun | None = None

    def wait(self) -> None:
        if self.begun is not None:
            self.begun.wait()
            self.begun = None


class Storing:
    """Stores what is read, through buffers that are used again and again: one object for one thread.

    `check` is called before each MiB of chunks, and stops everything by raising.
    """

    def __init__(self, sink: Sink, keys: Keys, check: Callable[[], None]) -> None:
        self._sink = sink
        self._chunker = Chunker(keys)
        self._writers = Writers(sink, check)
        self._free = deque(_Buffer(memoryview(bytearray(BUFFER))) for _ in range(BUFFERS))
        self.bytes_read = 0

    def close(self) -> None:
        """Let go of what is behind this. Closing twice is not an error."""
        self._writers.close()

    def file(self, fd: int, st: os.stat_result) -> Stored:
        """Read an open file until it stands still, three times at most. Raises Unreadable."""
        for _ in range(TRIES - 1):
            stored, after = self._once(fd, st)
            if stored.still:
                return stored
            st = after
        return self._once(fd, st)[0]

    def in_order(self, items: Iterable[Item], finish: Finish) -> Iterator[Entry]:
        """Store the small files among the entries of a folder, many together; all of its entries."""
        return in_order(items, self._store_small, finish)

    def _store_small(self, plains: Plains) -> list[bytes]:
        return self._sink.write_many(CHUNK, plains)

    def _once(self, fd: int, st: os.stat_result) -> tuple[Stored, os.stat_result]:
        size = st.st_size
        parts = parts_of(fd, st)
        stream = Stream(fd, parts if parts is not None else [(0, size)] if size else [])
        chunks = self._store(stream)
        self.bytes_read += stream.total
        after = stat_again(fd)
        whole = parts == stream.parts if parts is not None else stream.total == size
        still = whole and stood_still(st, after) and (size > 0 or stream.at_end(0))
        if parts is None:
            return Stored(chunks, stream.total, None, st, still), after
        return Stored(chunks, size, tuple(stream.parts), st, still), after

    def value(self, plain: Buffer) -> Pairs:
        """Something large that is not a file, as chunks."""
        view = memoryview(plain)
        cuts = self._chunker.begin().cut(view, True)
        return tuple((self._sink.write(CHUNK, view[at : at + n]), n) for at, n in cuts)

    def inline_or_pairs(self, plain: bytes) -> bytes | Pairs:
        """A value as an entry holds it: itself while it is small."""
        return plain if len(plain) <= MAX_INLINE_VALUE else self.value(plain)

    def sparse_map(self, parts: tuple[Part, ...]) -> tuple[Part, ...] | Pairs:
        """A map of the parts of a sparse file as an entry holds it."""
        encoded = encode_sparse(parts)
        return parts if len(encoded) <= MAX_INLINE_VALUE else self.value(encoded)

    def _write_list(self, plain: bytes) -> bytes:
        return self._sink.write(LIST, plain)

    def _store(self, stream: Stream) -> Chunks:
        chunks, tail = Chunks(self._write_list), memoryview(b"")
        cuts = self._chunker.begin()
        while True:
            buffer = self._next_buffer()
            buffer.view[: len(tail)] = tail
            held = len(tail) + stream.fill(buffer.view[len(tail) :])
            last = held < len(buffer.view)
            done = self._begin(buffer, cuts.cut(buffer.view[:held], last), chunks)
            if last:
                return chunks
            tail = buffer.view[done:held]

    def _next_buffer(self) -> _Buffer:
        """The one that was begun longest ago, when all in it was stored."""
        buffer = self._free[0]
        self._free.rotate(-1)
        buffer.wait()
        return buffer

    def _begin(self, buffer: _Buffer, cuts: list[Cut], chunks: Chunks) -> int:
        """Begin to store these chunks; return where the last of them ends."""
        if not cuts:
            return 0
        buffer.begun = self._writers.begin([buffer.view[at : at + length] for at, length in cuts])
        chunks.add(buffer.begun)
        return sum(cuts[-1])
