"""Small files are stored many at a time: naming, compressing and sealing them goes on in another thread while
the next ones are read, and costs one hand-over for each batch instead of one for each file.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import NamedTuple, cast

from vaultd.capture.listing import Seen
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


class Small(NamedTuple):
    """A file that was read, and is not stored yet: all that its entry says but for its one chunk.

    `old` is what the last snapshot has at its place.
    """

    seen: Seen
    extra: dict[str, object]
    plain: bytearray
    old: Entry | None


Item = Entry | Small
Store = Callable[[Plains], Ids]
Begin = Callable[[Plains], Future[Ids]]
Finish = Callable[[Small, bytes], Entry]


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


def in_order(items: Iterable[Item], store: Store, begin: Begin, finish: Finish) -> Iterator[Entry]:
    """The entries of `items`, in their order, each after its content was given to the sink.

    `store` stores small contents, `begin` does so in another thread; `finish` makes the entry of a small file
    from the id of its chunk.
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
                yield from _finished(begun.popleft(), store, finish)
    if len(batch.plains) > FEW:
        batch.ids = begin(batch.plains)
    begun.append(batch)
    for each in begun:
        yield from _finished(each, store, finish)


def _finished(batch: _Batch, store: Store, finish: Finish) -> Iterator[Entry]:
    """The entries of a batch; on return it is stored."""
    if not batch.plains:
        yield from cast("list[Entry]", batch.items)
        return
    ids = iter(batch.ids.result() if batch.ids else store(batch.plains))
    for item in batch.items:
        yield finish(item, next(ids)) if isinstance(item, Small) else item
