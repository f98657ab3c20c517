"""Small files are stored many at a time: what a lookup, a call of the compressor and the way down to them
cost is paid once for each batch.

They are not handed to another thread. So much of what is done for a small file is Python that two threads
only take the interpreter's lock from one another: 100,000 files took a quarter longer that way, and 20,000 of
25 KB on average a third.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from vaultd.capture.listing import Seen
from vaultd.format.entry import Entry
from vaultd.format.limits import MIB

# Enough that what is done once for each batch does not count, and no more than that in memory.
MOST_FILES = 128
MOST_BYTES = MIB

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


class Large(NamedTuple):
    """A file that was read, whose chunks are on their way to the sink; `finish` waits for them, and makes
    its entry.
    """

    size: int
    finish: Callable[[], Entry]


Item = Entry | Small | Large
Store = Callable[[Plains], Ids]
Finish = Callable[[Small, bytes], Entry]


def in_order(items: Iterable[Item], store: Store, finish: Finish) -> Iterator[Entry]:
    """The entries of `items`, in their order, each after its content was taken by the sink.

    `store` stores the contents of small files; `finish` makes the entry of one from the id of its chunk.
    """
    batch: list[Item] = []
    plains: Plains = []
    size = 0
    for item in items:
        batch.append(item)
        if isinstance(item, Small):
            plains.append(item.plain)
            size += len(item.plain)
        if len(batch) >= MOST_FILES or size >= MOST_BYTES:
            yield from _finished(batch, store(plains) if plains else [], finish)
            batch, plains, size = [], [], 0
    yield from _finished(batch, store(plains) if plains else [], finish)


def _finished(batch: list[Item], ids: Ids, finish: Finish) -> Iterator[Entry]:
    following = iter(ids)
    for item in batch:
        if isinstance(item, Entry):
            yield item
        elif isinstance(item, Small):
            yield finish(item, next(following))
        else:
            yield item.finish()
