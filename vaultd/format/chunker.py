"""Where files are cut into chunks (docs/format.md, section 13; measured in docs/decisions/0010-cuts.md).

By content, differently in every vault, with one short chunk first: what is written into the head of a photo
moves the rest of it, and stores little. Databases of SQLite at offsets that their pages never leave: a page
that changed stores the piece around it.
"""

from pyfastcdc import FastCDC

from vaultd.format.keys import Keys
from vaultd.format.limits import (
    AVG_CHUNK,
    AVG_FIRST_CHUNK,
    MAX_CHUNK,
    MIN_CHUNK,
    MIN_FIRST_CHUNK,
    MIN_PIECE,
    PIECES,
)

_63_BITS = (1 << 63) - 1
_SQLITE = b"SQLite format 3\0"
_PAGE_SIZES = frozenset(1 << power for power in range(9, 17))

Cut = tuple[int, int]


class Chunker:
    """Cuts streams. Its cuts by content have a secret seed, so that lengths of chunks do not tell known
    files. Safe for use by several threads.
    """

    __slots__ = ("_fast", "_first")

    def __init__(self, keys: Keys) -> None:
        seed = int.from_bytes(keys.cut[:8], "little") & _63_BITS
        self._fast = FastCDC(AVG_CHUNK, min_size=MIN_CHUNK, max_size=MAX_CHUNK, seed=seed)
        # As long as what is left whole, at most: whatever is cut at all is long enough to find this cut.
        self._first = FastCDC(AVG_FIRST_CHUNK, min_size=MIN_FIRST_CHUNK, max_size=MIN_CHUNK, seed=seed)

    def begin(self) -> "Cuts":
        """The cuts of one stream, from its first byte."""
        return Cuts(self._first, self._fast)


class Cuts:
    """Where one stream is cut. At most 256 KiB are never cut. Use it from one thread at a time."""

    __slots__ = ("_at", "_fast", "_first", "_page")

    def __init__(self, first: FastCDC, fast: FastCDC) -> None:
        self._first = first
        self._fast = fast
        self._at = 0
        # Bytes in a page of a database; 0 for anything else.
        self._page = 0

    def cut(self, view: memoryview, final: bool) -> list[Cut]:
        """(offset, length) of the chunks in `view`, in order and without gaps. `view` begins where the last
        chunk of the call before ended.

        With `final` they cover all of it. Without, the end is left out where more bytes could still move its
        cut: call again with what was left and more behind it. More than 4 MiB always give one chunk at
        least. The result does not depend on how a file is divided into calls. Nothing keeps a reference to
        `view`.
        """
        if not self._at:
            if len(view) <= MIN_CHUNK:
                return _rest(view, final)
            self._page = page_size(view)
        cuts = self._by_pages(view, final) if self._page else self._by_content(view, final)
        self._at += sum(cuts[-1]) if cuts else 0
        return cuts

    def _by_content(self, view: memoryview, final: bool) -> list[Cut]:
        if self._at:
            return self._large(view, 0, final)
        first = next(self._first.cut_buf(view[:MIN_CHUNK])).length
        return [(0, first), *self._large(view[first:], first, final)]

    def _large(self, view: memoryview, start: int, final: bool) -> list[Cut]:
        """The cuts of what begins at `start`."""
        if len(view) <= MIN_CHUNK:
            return [(start + at, length) for at, length in _rest(view, final)]
        cuts = [(start + chunk.offset, chunk.length) for chunk in self._fast.cut_buf(view)]
        if not final and cuts[-1][1] < MAX_CHUNK:
            cuts.pop()
        return cuts

    def _by_pages(self, view: memoryview, final: bool) -> list[Cut]:
        cuts, at = list[Cut](), 0
        while at + (length := piece_size(self._at + at, self._page)) <= len(view):
            cuts.append((at, length))
            at += length
        if final and at < len(view):
            cuts.append((at, len(view) - at))
        return cuts


def _rest(view: memoryview, final: bool) -> list[Cut]:
    return [(0, len(view))] if final and len(view) else []


def page_size(head: memoryview) -> int:
    """Bytes in a page of the SQLite database that begins so; 0 where it is none, or says what cannot be."""
    if head[: len(_SQLITE)] != _SQLITE:
        return 0
    told = int.from_bytes(head[16:18], "big")
    size = 1 << 16 if told == 1 else told  # 65,536 does not fit into two bytes
    return size if size in _PAGE_SIZES else 0


def piece_size(offset: int, page: int) -> int:
    """Length of the piece of a database that begins at this offset, whatever the database's length: one that
    grows is never cut elsewhere.

    Up to 1 GiB 32 KiB, or one page; then twice as much whenever the offset has doubled, up to 1 MiB, so that
    the number of pieces stays small.
    """
    grown = (1 << offset.bit_length() >> 1) // PIECES
    return max(page, MIN_PIECE, min(grown, AVG_CHUNK))
