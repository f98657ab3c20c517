"""Small files are stored many at a time: what a lookup, a call of the compressor and the way down to them
cost is paid once for each batch.

They are not handed to another thread. So much of what is done for a small file is Python that two threads
only take the interpreter's lock from one another: 100,000 files took a quarter longer that way.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, cast

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


Item = Entry | Small
Store = Callable[[Plains], Ids]
Finish = Callable[[Small, bytes], Entry]


def in_order(items: Iterable[Item], store: Store, finish: Finish) -> Iterator[Entry]:
    """The entries of `items`, in their order, each after its content was given to the sink.

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
    if not ids:
        return iter(cast("list[Entry]", batch))
    following = iter(ids)
    return (finish(item, next(following)) if isinstance(item, Small) else item for item in batch)
