"""From bytes to content: cut into chunks, given to the sink, listed."""

import os
from collections.abc import Callable, Iterable, Iterator
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
from vaultd.tree.writers import Writers

# Two chunks of the largest size: one being cut, one being read behind it.
BUFFER = 8 << 20
TRIES = 3  # a file that is written to is read again, and once more

Pair = tuple[bytes, int]
Pairs = tuple[Pair, ...]


class Stored(NamedTuple):
    """What was read of a file. `size` is the file's, holes included; `parts` is None where it has none.

    `st` is its stat as the read began, and unless `still` is False nothing says that it changed until the
    end.
    """

    content: Pairs | bytes
    size: int
    parts: tuple[Part, ...] | None
    st: os.stat_result
    still: bool


class Storing:
    """Stores what is read, through one buffer that is used again and again: one object for one thread.

    `check` is called before every chunk, and stops everything by raising.
    """

    def __init__(self, sink: Sink, keys: Keys, check: Callable[[], None]) -> None:
        self._sink = sink
        self._chunker = Chunker(keys)
        self._writers = Writers(sink, check)
        self._view = memoryview(bytearray(BUFFER))
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
        content = self._store(stream)
        self.bytes_read += stream.total
        after = stat_again(fd)
        whole = parts == stream.parts if parts is not None else stream.total == size
        still = whole and stood_still(st, after) and (size > 0 or stream.at_end(0))
        if parts is None:
            return Stored(content, stream.total, None, st, still), after
        return Stored(content, size, tuple(stream.parts), st, still), after

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

    def _store(self, stream: Stream) -> Pairs | bytes:
        pairs, view, held = ContentBuilder(self._write_list), self._view, 0
        cuts = self._chunker.begin()
        while True:
            held += stream.fill(view[held:])
            last = held < len(view)
            done = self._write(view, cuts.cut(view[:held], last), pairs)
            if last:
                return pairs.finish()
            view[: held - done] = view[done:held]
            held -= done

    def _write(self, view: memoryview, cuts: list[Cut], pairs: ContentBuilder) -> int:
        """Write these chunks; return where the last of them ends."""
        ids = self._writers.write([view[offset : offset + length] for offset, length in cuts])
        for blob_id, (_, length) in zip(ids, cuts, strict=True):
            pairs.add(blob_id, length)
        return sum(cuts[-1]) if cuts else 0
