"""Read one folder: its pages in order, checked as a whole, and several folders side by side.

What cannot be read does not hide the rest: a page or list that is missing or wrong comes out as its error, in
its place, and the reading goes on behind it.
"""

import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest
from operator import attrgetter, itemgetter
from typing import Protocol, TypeVar, cast

from vaultd.errors import Damaged, Missing, Refused
from vaultd.format.entry import FOLDER, Entry
from vaultd.format.limits import LIST, PAGE
from vaultd.format.lists import ListNode, decode_list
from vaultd.format.page import check_order, decode_page
from vaultd.store.contract import Blobs

Wrong = Missing | Damaged
Item = TypeVar("Item")
Names = Iterator[tuple[bytes, list[list[Entry]]]]
_name = attrgetter("name")


@dataclass(frozen=True, slots=True)
class Leaf:
    """A page that has not been read, and the first name that the list above promises of it (None: no
    list).
    """

    id: bytes
    first: bytes | None


def damaged(blob_id: bytes, reason: str) -> Damaged:
    return Damaged(blob_id.hex(), "", reason)


def leaves(blobs: Blobs, content: bytes, *, attic: bool = False) -> Iterator[Leaf | Wrong]:
    """The pages of the folder with this content id, in order, from its lists alone."""
    try:
        if blobs.type_of(content) == PAGE:
            yield Leaf(content, None)
            return
        stack = [iter(_children(read_list(blobs, content, PAGE, attic=attic)))]
    except (Missing, Damaged) as error:
        yield error
        return
    while stack:
        child = next(stack[-1], None)
        if child is None:
            stack.pop()
        elif isinstance(child, Leaf):
            yield child
        else:
            try:
                stack.append(iter(_expand(blobs, *child, attic=attic)))
            except (Missing, Damaged) as error:
                yield error


# A list that is still to be read: its id, its first name, the level that it must have.
_Unread = tuple[bytes, bytes, int]
_Firsts = tuple[tuple[bytes, bytes], ...]


def _children(node: ListNode) -> list[Leaf | _Unread]:
    items = cast("_Firsts", node.items)
    if node.level == 0:
        return [Leaf(blob_id, first) for blob_id, first in items]
    return [(blob_id, first, node.level - 1) for blob_id, first in items]


def _expand(blobs: Blobs, blob_id: bytes, first: bytes, level: int, *, attic: bool) -> list[Leaf | _Unread]:
    node = read_list(blobs, blob_id, PAGE, attic=attic)
    if node.level != level:
        raise damaged(blob_id, "shape")
    if node.items[0][1] != first:
        raise damaged(blob_id, "order")
    return _children(node)


def read_list(blobs: Blobs, blob_id: bytes, leaf_type: int, *, attic: bool = False) -> ListNode:
    """One list of pages (or, for files, of chunks). Raises Missing, Damaged."""
    try:
        node = decode_list(blobs.read(blob_id, LIST), attic)
    except Refused as error:
        raise damaged(blob_id, error.reason) from error
    if node.type != leaf_type:
        raise damaged(blob_id, "shape")
    return node


def read_page(blobs: Blobs, blob_id: bytes, *, attic: bool = False) -> Sequence[Entry]:
    """The entries of one page. Raises Missing, Damaged."""
    try:
        return decode_page(blobs.read(blob_id, PAGE), attic).entries
    except Refused as error:
        raise damaged(blob_id, error.reason) from error


def read_leaves(
    blobs: Blobs, pages: Iterable[Leaf | Wrong], *, attic: bool = False
) -> Iterator[Sequence[Entry] | Wrong]:
    """The entries page by page. A page that does not come after the page before it is Damaged ("order")."""
    last: Entry | None = None
    for page in pages:
        if not isinstance(page, Leaf):
            yield page
            continue
        try:
            entries = read_page(blobs, page.id, attic=attic)
            _check_place(page, entries, last, attic=attic)
        except (Missing, Damaged) as error:
            yield error
            continue
        if entries:
            last = entries[-1]
        yield entries


def _check_place(page: Leaf, entries: Sequence[Entry], last: Entry | None, *, attic: bool) -> None:
    if page.first is not None and (not entries or entries[0].name != page.first):
        raise damaged(page.id, "order")
    if last is not None and entries:
        try:
            check_order(last, entries[0], attic)
        except Refused as error:
            raise damaged(page.id, error.reason) from error


def entries_of(blobs: Blobs, content: bytes, *, attic: bool = False) -> Iterator[Entry | Wrong]:
    """The entries of a folder in order; in the place of a page that cannot be had stands its error."""
    return entries_in(blobs, leaves(blobs, content, attic=attic), attic=attic)


def entries_in(
    blobs: Blobs, pages: Iterable[Leaf | Wrong], *, attic: bool = False
) -> Iterator[Entry | Wrong]:
    """The same for some of a folder's pages."""
    for page in read_leaves(blobs, pages, attic=attic):
        if isinstance(page, Missing | Damaged):
            yield page
        else:
            yield from page


def entries_named(blobs: Blobs, name: bytes, content: bytes, *, attic: bool = False) -> Iterator[Entry]:
    """All that a folder has of one name, reading only the pages that may hold it. Raises Missing, Damaged."""
    pages = list(leaves(blobs, content, attic=attic))
    for page, following in zip_longest(pages, pages[1:]):
        if not isinstance(page, Leaf):
            raise page
        if page.first is not None and page.first > name:
            return
        # In an attic a name may go on in the next page.
        if isinstance(following, Leaf) and following.first is not None and following.first < name:
            continue
        entries = read_page(blobs, page.id, attic=attic)
        _check_place(page, entries, None, attic=attic)
        yield from entries[bisect_left(entries, name, key=_name) : bisect_right(entries, name, key=_name)]


def rows_of(blobs: Blobs, content: bytes) -> Iterator[Entry | list[Entry] | Wrong]:
    """The same; what stands between two folders, or the ends of a page, comes in one list."""
    for page in read_leaves(blobs, leaves(blobs, content)):
        if isinstance(page, Missing | Damaged):
            yield page
            continue
        row: list[Entry] = []
        for entry in page:
            if entry.kind != FOLDER:
                row.append(entry)
                continue
            if row:
                yield row
                row = []
            yield entry
        if row:
            yield row


class Folders(Protocol):
    """How pages and lists are had: read each time, or remembered."""

    def is_list(self, blob_id: bytes) -> bool: ...

    def list(self, blob_id: bytes) -> ListNode: ...

    def page(self, blob_id: bytes) -> Sequence[Entry]: ...


class Fresh:
    """Read each time."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    def is_list(self, blob_id: bytes) -> bool:
        return self._blobs.type_of(blob_id) == LIST

    def list(self, blob_id: bytes) -> ListNode:
        return read_list(self._blobs, blob_id, PAGE)

    def page(self, blob_id: bytes) -> Sequence[Entry]:
        return read_page(self._blobs, blob_id)


def find_name(folders: Folders, content: bytes, name: bytes) -> Entry | None:
    """The entry of this name, reading only what lies on the way to it. Raises Missing, Damaged."""
    first: bytes | None = None
    level: int | None = None
    while folders.is_list(content):
        node = folders.list(content)
        items = cast("_Firsts", node.items)
        firsts = [each for _, each in items]
        if level not in (None, node.level):
            raise damaged(content, "shape")
        if first not in (None, firsts[0]):
            raise damaged(content, "order")
        position = bisect_right(firsts, name) - 1
        if position < 0:
            return None
        content, first = items[position]
        level = node.level - 1
    entries = folders.page(content)
    _check_place(Leaf(content, first), entries, None, attic=False)
    position = bisect_left(entries, name, key=_name)
    found = entries[position : position + 1]
    return found[0] if found and found[0].name == name else None


def only_good(items: Iterable[Item | Wrong], failed: Callable[[Wrong], None]) -> Iterator[Item]:
    """The entries, or the pages; every error goes to `failed` instead."""
    for item in items:
        if isinstance(item, Missing | Damaged):
            failed(item)
        else:
            yield item


def in_step(streams: Sequence[Iterator[Sequence[Entry]]]) -> Iterator[list[Sequence[Entry]]]:
    """Folders that have each name once, page by page: of every folder what it has up to one name, then up to
    a later one. All that the folders have of a name comes together.
    """
    rest: list[Sequence[Entry]] = [()] * len(streams)
    while True:
        rest = [page or next(filter(None, pages), ()) for page, pages in zip(rest, streams, strict=True)]
        if not any(rest):
            return
        limit = min(page[-1].name for page in rest if page)
        cuts = [bisect_right(page, limit, key=_name) for page in rest]
        yield [page[:cut] for page, cut in zip(rest, cuts, strict=True)]
        rest = [page[cut:] for page, cut in zip(rest, cuts, strict=True)]


def side_by_side(streams: Sequence[Iterator[Entry]]) -> Names:
    """Every name that stands in any of the streams, ascending, with the entries that each stream has of
    it.
    """
    marked = (_marked(number, stream) for number, stream in enumerate(streams))
    for name, group in groupby(heapq.merge(*marked, key=itemgetter(0)), key=itemgetter(0)):
        found: list[list[Entry]] = [[] for _ in streams]
        for _, number, entry in group:
            found[number].append(entry)
        yield name, found


def _marked(number: int, stream: Iterator[Entry]) -> Iterator[tuple[bytes, int, Entry]]:
    return ((entry.name, number, entry) for entry in stream)
