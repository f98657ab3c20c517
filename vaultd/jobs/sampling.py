"""A few files out of very many, each as likely as any other, in one walk and with as much memory as a few
take.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Generic, TypeVar

from vaultd.errors import Damaged, Missing
from vaultd.format.entry import FILE, FOLDER, LINK, Entry
from vaultd.tree.snapshots import Snapshot
from vaultd.tree.view import Broken, Found, Row, View

# Folders are looked at one after the other until one is small enough to be restored with all that is in it.
_FOLDERS = 16
_MOST_IN_A_FOLDER = 1000
_DEEPEST = 64
Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True)
class Pick:
    """One path of a snapshot that is to be restored."""

    snapshot: Snapshot
    view: View
    path: bytes
    entry: Entry

    @property
    def length(self) -> int:
        """Bytes of a file without its holes; 0 where that cannot be read, which its restoring tells."""
        try:
            return self.view.content_length(self.entry) if self.entry.kind == FILE else 0
        except (Missing, Damaged):
            return 0


@dataclass(slots=True)
class Sample:
    """`files` (and symbolic links) and `folders` in a random order; `broken` is what could not be walked."""

    files: list[Pick]
    folders: list[Pick]
    broken: list[tuple[Snapshot, Broken]] = field(default_factory=list)


class Reservoir(Generic[Thing]):
    """Holds at most `size` of the things that were offered, each as likely as any other."""

    def __init__(self, size: int, random: Random) -> None:
        self._size = size
        self._random = random
        self._seen = self._place = 0
        self._held: list[Thing] = []

    def wants(self) -> bool:
        """Another thing is offered: whether it is to be taken."""
        self._seen += 1
        held = len(self._held)
        self._place = held if held < self._size else int(self._random.random() * self._seen)
        return self._place < self._size

    def take(self, thing: Thing) -> None:
        """The thing that was wanted just now."""
        self._held[self._place : self._place + 1] = [thing]

    def shuffled(self) -> list[Thing]:
        held = list(self._held)
        self._random.shuffle(held)
        return held


def sample(
    trees: Sequence[tuple[Snapshot, View]], count: int, random: Random, stop: Callable[[], bool]
) -> Sample:
    """`count` files out of all of these trees together, or all where there are fewer, and some folders. The
    same trees and the same state of `random` give the same. Raises Unreachable; KeyboardInterrupt where
    `stop` says so.
    """
    files = Reservoir[Pick](count, random)
    folders = Reservoir[Pick](_FOLDERS, random)
    found = Sample([], [])
    for snapshot, view in trees:
        for item in _walked(view):
            if stop():
                raise KeyboardInterrupt
            if isinstance(item, Broken):
                found.broken.append((snapshot, item))
            elif isinstance(item, Found):
                if folders.wants():
                    folders.take(Pick(snapshot, view, item.path, item.entry))
            else:
                _offer_row(files, snapshot, view, item)
    found.files, found.folders = files.shuffled(), folders.shuffled()
    return found


def _walked(view: View) -> Iterator[Found | Row | Broken]:
    try:
        yield from view.walk_rows()
    except (Missing, Damaged) as error:
        yield Broken(b"", error)


def _offer_row(files: Reservoir[Pick], snapshot: Snapshot, view: View, row: Row) -> None:
    for entry in row.entries:
        if entry.kind in (FILE, LINK) and files.wants():
            files.take(Pick(snapshot, view, row.above + entry.name, entry))


def within(picks: Sequence[Pick], limit: int, room: int) -> list[Pick]:
    """Of these, in their order, those that fit into `limit` bytes together; but one of them at least, if one
    fits into `room`.
    """
    chosen: list[Pick] = []
    so_far = 0
    for pick in picks:
        length = pick.length
        if length <= room and (not chosen or so_far + length <= limit):
            chosen.append(pick)
            so_far += length
    return chosen


def small_folder(folders: Sequence[Pick], limit: int) -> Pick | None:
    """The first with at most `limit` bytes below it, and few enough things for a try; None where none is."""
    return next((pick for pick in folders if _is_small(pick, limit)), None)


def _is_small(pick: Pick, limit: int) -> bool:
    size = 0
    for count, item in enumerate(pick.view.walk(pick.path), 1):
        if isinstance(item, Broken):
            return True  # restoring it tells
        below = item.path[len(pick.path) :].count(b"/")
        size += Pick(pick.snapshot, pick.view, item.path, item.entry).length
        if count > _MOST_IN_A_FOLDER or size > limit or below > _DEEPEST:
            return False
    return pick.entry.kind == FOLDER
