"""Small files are stored many at a time: naming, compressing and sealing them goes on in another thread while
the next ones are read, and costs one hand-over for each batch instead of one for each file.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import NamedTuple

from msgspec.structs import replace

from vaultd.format.entry import Entry
from vaultd.format.limits import MIB

# Enough that a hand-over (some 50 us) does not count beside the files; few enough that the thread that reads
# seldom waits for the last batch of a folder.
MOST_FILES = 64
MOST_BYTES = MIB
# One batch is being stored and one waits for it: 3 MiB of files in memory with the one that is being read.
MOST_BEGUN = 2
# Fewer are stored before a thread has woken up.
FEW = 8

Ids = list[bytes]
Plains = list[bytearray]
NO_ID = bytes(32)


class Small(NamedTuple):
    """A file that was read, and is not stored yet: its entry, but for the id of its one chunk.

    `old` is what the last snapshot has at its place.
    """

    entry: Entry
    plain: bytearray
    old: Entry | None


Item = Entry | Small
Store = Callable[[Plains], Ids]
Begin = Callable[[Plains], Future[Ids]]


class _Batch:
    """Items in order, and the ids of the small files among them once they are stored."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.plains: Plains = []
        self.bytes = 0
        self.ids: Future[Ids] | None = None

    @property
    def full(self) -> bool:
        return len(self.items) >= MOST_FILES or self.bytes >= MOST_BYTES

    def add(self, item: Item) -> None:
        self.items.append(item)
        if isinstance(item, Small):
            self.plains.append(item.plain)
            self.bytes += len(item.plain)


def in_order(
    items: Iterable[Item], store: Store, begin: Begin, stored: Callable[[Small, Entry], None]
) -> Iterator[Entry]:
    """The entries of `items`, in their order, each after its content was given to the sink.

    `store` stores small contents, `begin` does so in another thread; `stored` is told of each small file.
    """
    begun: deque[_Batch] = deque()
    batch = _Batch()
    for item in items:
        batch.add(item)
        if batch.full:
            batch.ids = begin(batch.plains) if batch.plains else None
            begun.append(batch)
            batch = _Batch()
            if len(begun) > MOST_BEGUN:
                first = begun.popleft()
                yield from _finished(first, first.ids.result() if first.ids else [], stored)
    if len(batch.plains) > FEW:
        batch.ids = begin(batch.plains)
    begun.append(batch)
    for each in begun:
        ids = each.ids.result() if each.ids else store(each.plains) if each.plains else []
        yield from _finished(each, ids, stored)


def _finished(batch: _Batch, ids: Ids, stored: Callable[[Small, Entry], None]) -> Iterator[Entry]:
    """The entries of a batch that is stored."""
    following = iter(ids)
    for item in batch.items:
        if isinstance(item, Small):
            entry = replace(item.entry, content=((next(following), len(item.plain)),))
            stored(item, entry)
            yield entry
        else:
            yield item
