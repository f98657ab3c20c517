"""Write a file's bytes from the vault to an open file, and read them back."""

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from vaultd.errors import Damaged, Missing
from vaultd.format.entry import Entry
from vaultd.format.keys import Keys
from vaultd.format.limits import CHUNK
from vaultd.jobs.aside import write_all
from vaultd.tree.content import Piece, read_chunk
from vaultd.tree.view import View

Wrong = Missing | Damaged
_LOOK = 1 << 20  # bytes read at once where there should be a hole


@dataclass(slots=True)
class Filled:
    """Bytes that were written, and the first thing that could not be read."""

    written: int = 0
    wrong: Wrong | None = None


def fill(
    view: View, entry: Entry, fd: int, check: Callable[[], None], wrote: Callable[[int], None]
) -> Filled:
    """Write what is not a hole; what cannot be read stays a hole, and the rest is written.

    `check` is called before every chunk, and stops everything by raising. Raises OSError, Unreachable.
    """
    filled = Filled()
    if isinstance(entry.content, tuple) and len(entry.content) == 1 and "sparse" not in entry.extra:
        return _fill_small(view, entry.content[0], fd, check, wrote)
    if "sparse" in entry.extra:
        os.ftruncate(fd, entry.size)
    for piece, plain in _chunks(view, entry, filled, check):
        write_all(fd, memoryview(plain)[piece.start : piece.start + piece.length], piece.at)
        filled.written += piece.length
        wrote(piece.length)
    settle(fd, entry, filled, in_order="sparse" not in entry.extra)
    return filled


def settle(fd: int, entry: Entry, filled: Filled, *, in_order: bool) -> None:
    """Give a file that was filled in part its size, and what was not written in order to the medium: its size
    is known before its bytes are, so after a power cut it would look whole, and be holes.
    """
    in_part = filled.wrong is not None and filled.written > 0
    if in_part:
        os.ftruncate(fd, entry.size)
    if in_part or not in_order:
        os.fdatasync(fd)


def _fill_small(
    view: View, chunk: tuple[bytes, int], fd: int, check: Callable[[], None], wrote: Callable[[int], None]
) -> Filled:
    """What most files are: one chunk and no more, which is written or is not."""
    check()
    try:
        plain = read_chunk(view.blobs, *chunk)
    except (Missing, Damaged) as error:
        return Filled(wrong=error)
    write_all(fd, memoryview(plain), 0)
    wrote(len(plain))
    return Filled(len(plain))


def _chunks(
    view: View, entry: Entry, filled: Filled, check: Callable[[], None]
) -> Iterator[tuple[Piece, bytes]]:
    """Every piece that can be read; a chunk that lies in several parts of a sparse file is read once."""
    blob_id, plain = b"", b""
    for piece in _pieces(view, entry, filled):
        check()
        try:
            if piece.id != blob_id:
                plain = read_chunk(view.blobs, piece.id, piece.chunk_length)
                blob_id = piece.id
        except (Missing, Damaged) as error:
            filled.wrong = filled.wrong or error
        else:
            yield piece, plain


def _pieces(view: View, entry: Entry, filled: Filled) -> Iterator[Piece]:
    try:
        yield from view.pieces(entry)
    except (Missing, Damaged) as error:
        filled.wrong = filled.wrong or error


def reads_back(view: View, entry: Entry, fd: int, keys: Keys) -> bool:
    """Whether a file holds, by the ids of its chunks, exactly what the vault has. Raises OSError, Missing,
    Damaged.
    """
    if os.fstat(fd).st_size != entry.size:
        return False
    gathered, end = bytearray(), 0
    for piece in view.pieces(entry):
        if not _is_hole(fd, end, piece.at):
            return False
        end = piece.at + piece.length
        part = os.pread(fd, piece.length, piece.at)
        gathered += part
        if len(part) != piece.length:
            return False
        if piece.start + piece.length == piece.chunk_length:
            if keys.blob_id(CHUNK, gathered) != piece.id:
                return False
            gathered.clear()
    return _is_hole(fd, end, entry.size)


def _is_hole(fd: int, start: int, end: int) -> bool:
    """Whether everything from `start` to `end` reads as zeros; holes are stepped over. Raises OSError."""
    while start < end:
        try:
            start = os.lseek(fd, start, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # no data from here on
                return True
            raise
        part = os.pread(fd, max(0, min(end - start, _LOOK)), start)
        if part.strip(b"\0"):
            return False
        start += len(part)
    return True
