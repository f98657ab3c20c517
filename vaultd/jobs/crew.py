"""Fill large files by a few threads, while the one that leads goes on to the next.

Reading, decrypting, hashing and writing a large chunk all let go of the interpreter, so threads of plain
Python use every core. Small files gain nothing by it: there threads only wait for each other.
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from vaultd.copies.folder import Handle
from vaultd.errors import Damaged, Missing
from vaultd.format.entry import FILE, Entry
from vaultd.jobs.aside import write_all
from vaultd.jobs.filling import Filled, Wrong, settle
from vaultd.jobs.wanted import LARGE
from vaultd.store.contract import Room
from vaultd.tree.content import Piece, read_chunk_into
from vaultd.tree.view import View

# Each holds two buffers of a chunk, 4 MiB at most: more threads than that gain nothing on a disk.
_MOST_THREADS = 4
# Chunks that a thread takes at once, about 4 MiB: most photos are one part, a video is many.
_PART = 4
# Parts of one file that are waiting or under way: enough for every thread.
_AHEAD = 2 * _MOST_THREADS


class Crew:
    """The threads of one restore, started when the first large file comes.

    `check` is called before every chunk, by the thread that is about to read it.
    """

    def __init__(self, view: View, check: Callable[[], None]) -> None:
        self._view = view
        self._check = check
        self._threads: ThreadPoolExecutor | None = None
        self._own = threading.local()

    def takes(self, entry: Entry) -> bool:
        return entry.kind == FILE and entry.size >= LARGE and "sparse" not in entry.extra

    def begin(self, entry: Entry, fd: int) -> "Filling":
        """Begin to fill an empty file, which may be closed meanwhile. Raises OSError."""
        if self._threads is None:
            count = min(_MOST_THREADS, os.cpu_count() or 1)
            self._threads = ThreadPoolExecutor(count, "restore")
        return Filling(self, self._view.pieces(entry), entry, Handle(os.dup(fd)))

    def close(self) -> None:
        """On return nothing writes any more; what was not begun is dropped."""
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)

    def submit(self, file: Handle, pieces: Sequence[Piece]) -> "Future[Filled]":
        assert self._threads is not None
        return self._threads.submit(self._fill, file, pieces)

    def _fill(self, file: Handle, pieces: Sequence[Piece]) -> Filled:
        filled, blobs, room = Filled(), self._view.blobs, self._room()
        blobs.expect([piece.id for piece in pieces])
        for piece in pieces:
            self._check()
            try:
                plain = read_chunk_into(blobs, piece.id, piece.chunk_length, room)
            except (Missing, Damaged) as error:
                filled.wrong = filled.wrong or error
            else:
                write_all(file.fd, memoryview(plain)[piece.start : piece.start + piece.length], piece.at)
                filled.written += piece.length
        return filled

    def _room(self) -> Room:
        room: Room | None = getattr(self._own, "room", None)
        if room is None:
            room = self._own.room = Room()
        return room


class Filling:
    """One file that is being filled, whose descriptor stays open until the last thread is done with it."""

    def __init__(self, crew: Crew, pieces: Iterator[Piece], entry: Entry, file: Handle) -> None:
        self._crew = crew
        self._pieces = pieces
        self._entry = entry
        self._file = file
        self._parts: deque[Future[Filled]] = deque()
        self._begun = 0
        self._filled = Filled()
        self._cut_short: Wrong | None = None  # a list of chunks that cannot be read
        while len(self._parts) < _AHEAD and self._submit():
            pass

    def result(self, wrote: Callable[[int], None]) -> Filled:
        """Wait for the end, as `filling.fill` would give it. Raises what that raises; then some thread may
        still be writing.
        """
        filled = self._filled
        while self._parts:
            part = self._parts.popleft().result()
            self._submit()
            filled.written += part.written
            filled.wrong = filled.wrong or part.wrong
            wrote(part.written)
        filled.wrong = filled.wrong or self._cut_short
        settle(self._file.fd, self._entry, filled, in_order=self._begun <= 1)
        return filled

    def _submit(self) -> bool:
        some: list[Piece] = []
        try:
            while len(some) < _PART and (piece := next(self._pieces, None)) is not None:
                some.append(piece)
        except (Missing, Damaged) as error:
            self._cut_short = error
        if some:
            self._parts.append(self._crew.submit(self._file, some))
            self._begun += 1
        return bool(some)
