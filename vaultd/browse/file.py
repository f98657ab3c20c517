"""One open file: any part of it at any time, and what comes next before it is asked for."""

import threading
from array import array
from bisect import bisect_right
from dataclasses import dataclass
from itertools import islice

from vaultd.browse.chunks import Chunks, Known
from vaultd.errors import Damaged
from vaultd.format.entry import Entry
from vaultd.tree.content import Piece
from vaultd.tree.view import View

# Pieces that are known at a time, 56 bytes each: all of a file of some ten gigabytes.
_MOST_PIECES = 16_384
# Who reads on from about where he stopped reads in order: the kernel asks for several parts at once.
_IN_ORDER = 1 << 20
# What is opened before it is asked for, once a second part in a row was read.
_AHEAD = 8 << 20


@dataclass(slots=True)
class _Map:
    """Where the bytes of a stretch of the file lie: pieces in order, `starts` their offsets in the file.

    `end` is where the stretch ends; what is in none of its pieces is a hole.
    """

    begin: int
    end: int
    starts: "array[int]"
    pieces: list[Piece]


class OpenFile:
    """Safe to use from several threads."""

    def __init__(self, view: View, entry: Entry, chunks: Chunks) -> None:
        self._view, self._entry, self._chunks = view, entry, chunks
        self._map: _Map | None = None
        self._lock = threading.Lock()
        self._next = self._begun = 0

    @property
    def size(self) -> int:
        """Bytes."""
        return self._entry.size

    def read(self, offset: int, length: int) -> bytes | bytearray | memoryview:
        """`length` bytes from `offset`, fewer at the end of the file; holes are zeros. Raises Missing,
        Damaged, Unreachable where just these cannot be had.
        """
        length = max(0, min(length, self._entry.size - offset))
        if not length:
            return b""
        known = self._known(offset)
        self._look_ahead(known, offset, length)
        number = max(0, bisect_right(known.starts, offset) - 1)
        if number < len(known.pieces):
            piece = known.pieces[number]
            if piece.at <= offset and offset + length <= piece.at + piece.length:
                start = piece.start + offset - piece.at
                return memoryview(self._chunks.get(_chunk(piece)))[start : start + length]
        return self._gathered(offset, length)

    def _gathered(self, offset: int, length: int) -> bytearray:
        """What lies in more than one piece, or in none."""
        out, at = bytearray(length), offset
        while at < offset + length:
            known = self._known(at)
            end = min(offset + length, known.end)
            for piece in islice(known.pieces, max(0, bisect_right(known.starts, at) - 1), None):
                if piece.at >= end:
                    break
                begin, stop = max(at, piece.at), min(end, piece.at + piece.length)
                if begin < stop:
                    skip = piece.start - piece.at
                    plain = memoryview(self._chunks.get(_chunk(piece)))
                    out[begin - offset : stop - offset] = plain[begin + skip : stop + skip]
            at = end
        return out

    def _known(self, offset: int) -> _Map:
        """The map of a stretch that `offset` is in."""
        with self._lock:
            known = self._map
            if known is None or not known.begin <= offset < known.end:
                known = self._map = self._mapped(offset)
            return known

    def _mapped(self, offset: int) -> _Map:
        pieces = list(islice(self._view.pieces(self._entry, offset), _MOST_PIECES))
        is_all = len(pieces) < _MOST_PIECES
        end = self._entry.size if is_all else pieces[-1].at + pieces[-1].length
        if end <= offset:
            raise Damaged("", "", "size")
        return _Map(offset, end, array("Q", [piece.at for piece in pieces]), pieces)

    def _look_ahead(self, known: _Map, offset: int, length: int) -> None:
        """Have opened what is read next, where one reads in order."""
        in_order = offset > 0 and abs(offset - self._next) <= _IN_ORDER
        self._next = offset + length
        if not in_order:
            self._begun = self._next
            return
        begin, end = max(self._begun, self._next), self._next + _AHEAD
        if begin >= end - _AHEAD // 4:
            return
        self._begun = end
        first = max(0, bisect_right(known.starts, begin) - 1)
        last = bisect_right(known.starts, end)
        self._chunks.begin([_chunk(piece) for piece in known.pieces[first:last]])

    def data_from(self, offset: int) -> int | None:
        """Where at or behind `offset` the next byte is that is in no hole; None: there is none."""
        return next(
            (max(at, offset) for at, length in self._view.parts(self._entry) if at + length > offset), None
        )

    def hole_from(self, offset: int) -> int:
        """Where at or behind `offset` the next hole begins; the end of the file counts as one."""
        for at, length in self._view.parts(self._entry):
            if at <= offset < at + length:
                offset = at + length
        return min(offset, self._entry.size)


def _chunk(piece: Piece) -> Known:
    return piece.id, piece.chunk_length
