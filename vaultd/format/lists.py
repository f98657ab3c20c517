"""Lists: how the content of large files and folders gets one id (docs/format.md, sections 6 and 13)."""

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from vaultd.errors import Refused
from vaultd.format import canon
from vaultd.format.canon import Bytes32
from vaultd.format.entry import Entry
from vaultd.format.extra import Length, Pairs
from vaultd.format.keys import Keys
from vaultd.format.limits import CHUNK, LIST_CUT, MAX_INLINE, MAX_LEVEL, MAX_LIST, PAGE, Buffer
from vaultd.format.page import cut_pages

Item = tuple[bytes, int | bytes]
Write = Callable[[bytes], bytes]
"""Stores the plain bytes of a blob, whose type is settled, and returns its id."""


class ListNode(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """One list. `type` is CHUNK or PAGE; an item is (id, length in bytes) or (id, first name). At level 0
    the ids name leaves, at level n lists of level n - 1.
    """

    level: Annotated[int, Meta(ge=0, le=MAX_LEVEL)]
    type: Literal[1, 2]
    items: Annotated[tuple[tuple[Bytes32, Length | bytes], ...], Meta(min_length=1, max_length=MAX_LIST)]


_node = msgspec.msgpack.Decoder(ListNode)


def encode_list(node: ListNode) -> bytes:
    """The canonical bytes of a list, unchecked."""
    return canon.encode(node)


def decode_list(data: Buffer, attic: bool = False) -> ListNode:
    """Raises Refused: "canonical", "depth", "shape", and "order" for first names that do not ascend."""
    node = canon.decode_as(_node, data)
    _check_items(node, attic)
    return node


def _check_items(node: ListNode, attic: bool) -> None:
    of_items = int if node.type == CHUNK else bytes
    if not all(isinstance(what, of_items) for _, what in node.items):
        raise Refused("shape", "items of a list")
    if node.type == CHUNK:
        return
    for (_, before), (_, after) in pairwise(node.items):
        if not (before < after or (attic and before == after)):  # type: ignore[operator]
            raise Refused("order", repr(after)[:64])


class ListBuilder:
    """Gathers the ids of leaves, in order, into lists of one level after the other.

    Holds at most one unfinished list for each level. `write` stores a list; its exceptions pass through.
    """

    def __init__(self, leaf_type: int, write: Write) -> None:
        self._type = leaf_type
        self._write = write
        self._open: list[list[Item]] = [[]]

    def add(self, blob_id: bytes, what: int | bytes) -> None:
        """The next leaf: a chunk and its length, or a page and its first name."""
        self._add(0, (blob_id, what))

    def finish(self) -> bytes:
        """The id of the one list above all leaves. Raises ValueError where there are none."""
        if not any(self._open):
            raise ValueError("a list without items")
        level = 0
        while level + 1 < len(self._open):
            if self._open[level]:
                self._close(level)
            level += 1
        return self._top(level)

    def _top(self, level: int) -> bytes:
        """A single list on the highest level is the one itself; several need one more above them."""
        items = self._open[level]
        if level > 0 and len(items) == 1:
            return items[0][0]
        return self._store(level)

    def _add(self, level: int, item: Item) -> None:
        if level > MAX_LEVEL:
            raise Refused("limit", "a list above the highest level")
        if level == len(self._open):
            self._open.append([])
        items = self._open[level]
        items.append(item)
        # The highest level is never cut: what it gathers must come out as one list.
        if len(items) == MAX_LIST or (_ends(item[0]) and level < MAX_LEVEL):
            self._close(level)

    def _close(self, level: int) -> None:
        what = self._summary(self._open[level])
        self._add(level + 1, (self._store(level), what))

    def _store(self, level: int) -> bytes:
        items, self._open[level] = self._open[level], []
        return self._write(canon.encode([level, self._type, items]))

    def _summary(self, items: list[Item]) -> int | bytes:
        if self._type == PAGE:
            return items[0][1]
        return sum(what for _, what in items if isinstance(what, int))


def _ends(blob_id: bytes) -> bool:
    return int.from_bytes(blob_id[-4:], "little") % LIST_CUT == 0


class ContentBuilder:
    """The content of a file: its pairs while they are few, else the id of a list. `write_list` stores a
    list.
    """

    def __init__(self, write_list: Write) -> None:
        self._pairs: list[tuple[bytes, int]] = []
        self._write = write_list
        self._lists: ListBuilder | None = None

    def add(self, blob_id: bytes, length: int) -> None:
        """The next chunk and its plain length."""
        if self._lists is None and len(self._pairs) == MAX_INLINE:
            self._lists = ListBuilder(CHUNK, self._write)
            for pair in self._pairs:
                self._lists.add(*pair)
        if self._lists is None:
            self._pairs.append((blob_id, length))
        else:
            self._lists.add(blob_id, length)

    def finish(self) -> Pairs | bytes:
        return tuple(self._pairs) if self._lists is None else self._lists.finish()


def write_folder(
    entries: Iterable[Entry], keys: Keys, write_page: Write, write_list: Write, attic: bool = False
) -> bytes:
    """Store the pages of a folder, whose entries come in order, and what lists they need; the folder's
    content id.

    Holds one page at a time. Raises what `cut_pages` and the two writers raise.
    """
    pages = ((write_page(page), first) for first, page in cut_pages(entries, keys, attic))
    return list_pages(pages, write_list)


def list_pages(pages: Iterator[tuple[bytes, bytes]], write_list: Write) -> bytes:
    """The content id of a folder of these pages, each its id and first name, in order; at least one."""
    only = next(pages)
    lists: ListBuilder | None = None
    for page in pages:
        if lists is None:
            lists = ListBuilder(PAGE, write_list)
            lists.add(*only)
        lists.add(*page)
    return only[0] if lists is None else lists.finish()
