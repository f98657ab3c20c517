"""What a restore is to bring back, in the order in which it is written: each folder before what is in it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from vaultd.format.entry import FILE, FOLDER, Entry
from vaultd.store.contract import Blobs
from vaultd.tree.patterns import Selection
from vaultd.tree.view import Broken, Found, Row, View, split

# Items that are looked at before the first of them is restored; more gain nothing.
_AHEAD = 256
# From here on a file's bytes cost more than handing it to another thread does.
LARGE = 256 << 10


@dataclass(frozen=True, slots=True)
class Item:
    """One entry: `path` in the source, `place` below the target. A `lazy` folder is made only for what is in
    it.
    """

    path: bytes
    place: bytes
    entry: Entry
    lazy: bool

    @property
    def name(self) -> bytes:
        """The last part of `place`."""
        return self.place.rpartition(b"/")[2]


@dataclass(frozen=True, slots=True)
class Several:
    """Items that follow one another in one folder, none of them a folder itself: `path` and `place` are
    those of the folder, with their slashes.
    """

    path: bytes
    place: bytes
    entries: Sequence[Entry]

    def item(self, entry: Entry) -> Item:
        """One of them."""
        return Item(self.path + entry.name, self.place + entry.name, entry, lazy=False)


def wanted(
    view: View, path: bytes, selection: Selection, *, deleted: bool
) -> Iterator[Item | Several | Broken]:
    """Everything at and below `path` that the selection chooses, or, if `deleted`, the last version of what
    is gone.

    Of a whole source the contents go into the target; of a path its last name does. Raises NoSuchPath.
    """
    names = split(path)
    above = sum(len(name) + 1 for name in names[:-1])
    found = _newest(view.deleted(path)) if deleted else _standing(view, b"/".join(names), selection)
    return _chosen(found, selection, above)


def looked_ahead(items: Iterable[Item | Several | Broken], blobs: Blobs) -> Iterator[Item | Several | Broken]:
    """The same items. The chunks of the next small files are told to `blobs`, so that many are fetched at
    once; whoever reads a large file tells its own.
    """
    some: list[Item | Several | Broken] = []
    entries: list[Entry] = []
    for item in items:
        some.append(item)
        if isinstance(item, Several):
            entries.extend(item.entries)
        elif isinstance(item, Item):
            entries.append(item.entry)
        if len(entries) >= _AHEAD:
            blobs.expect(_chunks(entries))
            yield from some
            some, entries = [], []
    blobs.expect(_chunks(entries))
    yield from some


def _chunks(entries: Sequence[Entry]) -> list[bytes]:
    small = (entry.content for entry in entries if entry.kind == FILE and entry.size < LARGE)
    return [chunk for content in small if isinstance(content, tuple) for chunk, _ in content]


def _standing(view: View, path: bytes, selection: Selection) -> Iterator[Found | Row | Broken]:
    top = view.lookup(path)
    if path:
        yield Found(path, top)
    if selection.takes_all:
        yield from view.walk_rows(path)
    else:
        yield from view.walk(path, lambda found: not selection.excludes(found.path, folder=True))


def _newest(found: Iterable[Found | Broken]) -> Iterator[Found | Broken]:
    last: bytes | None = None
    for item in found:
        if isinstance(item, Found):
            if item.path == last:
                continue
            last = item.path
        yield item


def _chosen(
    found: Iterable[Found | Row | Broken], selection: Selection, above: int
) -> Iterator[Item | Several | Broken]:
    for item in found:
        if isinstance(item, Row):
            yield Several(item.above, item.above[above:], item.entries)
            continue
        if isinstance(item, Broken):
            yield item
            continue
        folder = item.entry.kind == FOLDER
        if not selection.takes_all and selection.excludes(item.path, folder=folder):
            continue
        chosen = selection.takes_all or selection.includes(item.path, folder=folder)
        if chosen or folder:
            yield Item(item.path, item.path[above:], item.entry, not chosen)


@dataclass(slots=True)
class Folder:
    """A folder on the way down to what is written next.

    `entry` is None for one that is only on the way to something. `entered` once the target's folder is open;
    `blocked` where nothing can be written into it.
    """

    path: bytes
    place: bytes
    entry: Entry | None
    entered: bool = False
    blocked: bool = False

    @property
    def name(self) -> bytes:
        return self.place.rpartition(b"/")[2]


class Visitor(Protocol):
    """What is done on the way: planned or restored."""

    def enter(self, folder: Folder) -> bool:
        """Go down into a folder; False if nothing can be written there."""
        ...

    def leave(self, folder: Folder) -> None:
        """Everything in a folder that was entered is done."""
        ...

    def leaf(self, item: Item) -> None:
        """Something that is not a folder, in the folder that was entered last."""
        ...

    def leaves(self, several: Several) -> None:
        """The same for each of several things."""
        ...

    def broken(self, item: Broken) -> None:
        """Something at or below a path cannot be read from the vault."""
        ...


def visit(items: Iterable[Item | Several | Broken], visitor: Visitor, top: Folder) -> None:
    """Lead a visitor through the items; `top` is the target itself, entered already."""
    stack = [top]
    for item in items:
        if isinstance(item, Broken):
            visitor.broken(item)
            continue
        if isinstance(item, Several):
            _go_to(stack, visitor, item.item(item.entries[0]))
            if _enter_all(stack, visitor):
                visitor.leaves(item)
            continue
        _go_to(stack, visitor, item)
        if item.entry.kind == FOLDER:
            stack.append(Folder(item.path, item.place, item.entry))
        if not item.lazy and _enter_all(stack, visitor) and item.entry.kind != FOLDER:
            visitor.leaf(item)
    while stack:
        _leave(stack, visitor)


def _go_to(stack: list[Folder], visitor: Visitor, item: Item) -> None:
    """Up to the deepest folder that the item is in, then down through those that no item stood for."""
    while len(stack) > 1 and not item.place.startswith(stack[-1].place + b"/"):
        _leave(stack, visitor)
    place = stack[-1].place
    between = split(item.place[len(place) :])[:-1]
    above = item.path[: len(item.path) - len(item.place)]
    for name in between:
        place = place + b"/" + name if place else name
        stack.append(Folder(above + place, place, None))


def _enter_all(stack: Sequence[Folder], visitor: Visitor) -> bool:
    blocked = False
    for folder in _unentered(stack):
        folder.blocked = blocked or not visitor.enter(folder)
        folder.entered = not folder.blocked
        blocked = folder.blocked
    return not stack[-1].blocked


def _unentered(stack: Sequence[Folder]) -> Sequence[Folder]:
    """The folders at the deep end that were not entered yet, and the first blocked one, if any, before
    them.
    """
    first = len(stack)
    while first and not stack[first - 1].entered and not stack[first - 1].blocked:
        first -= 1
    if first and stack[first - 1].blocked:
        for folder in stack[first:]:
            folder.blocked = True
        return ()
    return stack[first:]


def _leave(stack: list[Folder], visitor: Visitor) -> None:
    folder = stack.pop()
    if folder.entered:
        visitor.leave(folder)
