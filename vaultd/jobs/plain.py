"""The straight line for what nearly every file is: new, small, with bytes, owner, mode and time, and no more.

A hundred thousand such files take as long as the steps between the system calls, so here there are few. The
calls are those that `Draft`, `fill` and `Attributes` make, in their order. Whatever is not as expected is
left to them: nothing is told here.
"""

import os
from collections.abc import Callable, Iterator
from typing import Self

from vaultd.errors import Damaged, Missing
from vaultd.format.entry import FILE, Entry
from vaultd.format.limits import CHUNK
from vaultd.jobs.attributes import SET_ID_BITS, Attributes
from vaultd.jobs.dictation import Dictation
from vaultd.jobs.planning import MORE
from vaultd.jobs.restoration import Plan, Tally
from vaultd.jobs.scribe import FAILED, KEPT, PlainFile, PlainWriter, Scribe
from vaultd.jobs.target import Level
from vaultd.jobs.wanted import LARGE, Several
from vaultd.progress import Progress

# The second process takes a tenth of a second to begin, as long as two thousand files take alone; and a
# folder of fewer files is done before two processes have told each other.
_MANY = 4000
_WORTH_TELLING = 24


class PlainFiles:
    """Restores plain files into the folder that is open; a context manager. `stop` is asked before each."""

    def __init__(
        self, plan: Plan, attributes: Attributes, tally: Tally, progress: Progress, stop: Callable[[], bool]
    ) -> None:
        self._read = plan.view.blobs.read
        self._prepare = plan.view.blobs.prepare
        self._attributes = attributes
        self._tally = tally
        self._progress = progress
        self._stop = stop
        # Files to read back are kept open; where an attribute was refused once, that is told each time.
        self._on = not plan.options.verify
        self._level: Level | None = None
        self._writer = PlainWriter(-1, made=False)
        self._dictation: Dictation | None = None
        self._two = self._on and plan.tally.files >= _MANY and (os.cpu_count() or 1) > 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._dictation is not None:
            self._dictation.close()

    def restore(self, here: Level, several: Several) -> Iterator[Entry]:
        """Restore what is plain; yield what is not, or could not be, to be restored in the ordinary way
        before this goes on. Raises KeyboardInterrupt, Unreachable.
        """
        second = self._second(several)
        return self._alone(here, several) if second is None else self._by_two(here, several, second)

    def _alone(self, here: Level, several: Several) -> Iterator[Entry]:
        if here is not self._level or here.fd != self._writer.folder:
            self._level, self._writer = here, PlainWriter(here.fd, made=here.made)
        files = written = 0
        try:
            for entry in several.entries:
                plain = self._content(here, entry)
                if plain is None:
                    yield entry
                    continue
                outcome = self._writer.write(self._file(entry), plain)
                if outcome == KEPT:
                    files += 1
                    written += entry.size
                else:
                    self._on = self._on and outcome != FAILED
                    yield entry
        finally:
            self._count(files, written)

    def _by_two(self, here: Level, several: Several, dictation: Dictation) -> Iterator[Entry]:
        """What is not plain waits until all that comes before it is done."""
        try:
            for entry in several.entries:
                plain = self._content(here, entry)
                if plain is not None:
                    yield from dictation.add(here, self._file(entry), plain, entry)
                    continue
                yield from dictation.finish()
                yield entry
            yield from dictation.finish()
        finally:
            dictation.drop()
            self._on = self._on and not dictation.failed
            self._count(dictation.files, dictation.bytes)
            dictation.files = dictation.bytes = 0

    def _second(self, several: Several) -> Dictation | None:
        """The second process, where it is worth it; started when it is needed first."""
        if not self._two or len(several.entries) < _WORTH_TELLING:
            return None
        if self._dictation is None:
            try:
                self._dictation = Dictation(Scribe(), self._prepare)
            except OSError:
                self._two = False
        elif self._dictation.over:
            self._two = False
        return self._dictation if self._two else None

    def _content(self, here: Level, entry: Entry) -> bytes | None:
        """The bytes of what is plain and can be read."""
        if not self._on or entry.name in here.before or not is_plain(entry):
            return None
        if self._stop():
            raise KeyboardInterrupt
        ((chunk, length),) = entry.content  # type: ignore[misc]  # is_plain has seen to it
        try:
            plain = self._read(chunk, CHUNK)
        except (Missing, Damaged):
            return None
        return plain if len(plain) == length else None

    def _file(self, entry: Entry) -> PlainFile:
        owner = self._attributes.owner(entry)
        return PlainFile(entry.name, 0, entry.size, owner, entry.mode, entry.mtime)

    def _count(self, files: int, written: int) -> None:
        self._tally.files += files
        self._tally.bytes += written
        self._progress.add(files=files, bytes=written)


def is_plain(entry: Entry) -> bool:
    """A small file of one chunk, without holes, other names, attributes and rights."""
    content = entry.content
    return (
        entry.kind == FILE
        and entry.size < LARGE
        and isinstance(content, tuple)
        and len(content) == 1
        and not entry.mode & SET_ID_BITS
        and MORE.isdisjoint(entry.extra)
    )
