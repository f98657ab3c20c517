"""Pages: folders cut into pieces (docs/format.md, sections 7 and 13)."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from operator import lt
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from vaultd.errors import Refused
from vaultd.format import canon
from vaultd.format.entry import KINDS, Entry, check_entry, encode_entry, entry_from, spell, unknown_in
from vaultd.format.keys import Keys
from vaultd.format.limits import MAX_ENTRY, MAX_PAGE_ENTRIES, PAGE_CUT, PAGE_TARGET, Buffer

_page = msgspec.msgpack.Decoder(Annotated[list[Entry], Meta(max_length=MAX_PAGE_ENTRIES)])
_HEADER = 3  # bytes of an array's header, at most, for 512 items


class Page(NamedTuple):
    """A page's entries in order, and what in them version 1 does not know (empty nearly always)."""

    entries: list[Entry]
    unknown: list[str]


def encode_page(entries: Sequence[Entry]) -> bytes:
    """The canonical bytes of one page, unchecked; `cut_pages` makes and checks the pages of a folder."""
    return canon.encode([spell(entry) for entry in entries])


def decode_page(data: Buffer, attic: bool = False) -> Page:
    """A page of a folder, or of a folder of an attic, where a name may stand several times.

    That pages follow one another in order is for the caller to check. Raises Refused: "canonical", "depth",
    "shape", "limit", "name", "order", "size".
    """
    entries, unknown = _decode(data)
    for entry in entries:
        check_entry(entry)
        if entry.extra and len(data) > MAX_ENTRY:
            encode_entry(entry)  # raises where it alone is too long
    names = [entry.name for entry in entries]
    if not all(map(lt, names, names[1:])):
        for before, after in pairwise(entries):
            check_order(before, after, attic)
    return Page(entries, unknown)


def _decode(data: Buffer) -> tuple[list[Entry], list[str]]:
    try:
        entries = _page.decode(data)
    except msgspec.ValidationError:
        entries = []  # an entry of an unknown kind may look like anything; the second look tells
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        canon.refuse(data, error)
    if canon.encode(entries) != data:  # the typed decoder drops what it does not know
        entries = _slowly(canon.decode(data))
    elif {entry.kind for entry in entries} <= KINDS:
        return entries, []
    return entries, sorted({thing for entry in entries for thing in unknown_in(entry)})


def _slowly(value: Any) -> list[Entry]:
    if not isinstance(value, list):
        raise Refused("shape", "a page that is not an array")
    if len(value) > MAX_PAGE_ENTRIES:
        raise Refused("shape", f"{len(value)} entries")
    return [entry_from(entry) for entry in value]


def check_order(before: Entry, after: Entry, attic: bool) -> None:
    """Raises Refused("order") where `after` cannot follow `before` in a folder, on one page or from page to
    page.
    """
    if before.name < after.name:
        return
    if attic and before.name == after.name and encode_entry(before) < encode_entry(after):
        return
    raise Refused("order", repr(after.name[:64]))


def cut_pages(entries: Iterable[Entry], keys: Keys, attic: bool = False) -> Iterator[tuple[bytes, bytes]]:
    """(first name, encoded page) of each page of a folder whose entries come in order; one page for an empty
    folder.

    Holds one page at a time. Raises Refused, before the page is given out, for an entry that a reader would
    refuse.
    """
    pieces: list[bytes] = []
    first, size, before = b"", _HEADER, None
    for entry in entries:
        encoded = encode_entry(entry)
        check_entry(entry)
        if before is not None:
            check_order(before, entry, attic)
        if size + len(encoded) > PAGE_TARGET:
            yield first, _join(pieces)
            pieces, size = [], _HEADER
        if not pieces:
            first = entry.name
        pieces.append(encoded)
        size, before = size + len(encoded), entry
        if len(pieces) == MAX_PAGE_ENTRIES or keys.page_mark(entry.name) % PAGE_CUT == 0:
            yield first, _join(pieces)
            pieces, size = [], _HEADER
    if pieces or before is None:
        yield first, _join(pieces)


def _join(pieces: list[bytes]) -> bytes:
    """A page from entries that are encoded already."""
    count = len(pieces)
    header = bytes([0x90 | count]) if count < 16 else b"\xdc" + count.to_bytes(2, "big")
    return header + b"".join(pieces)
