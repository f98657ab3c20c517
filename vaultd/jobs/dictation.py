"""Plain files of one folder, handed to the second process in batches, and what became of them."""

import contextlib
import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from vaultd.format.entry import Entry
from vaultd.jobs.aside import TEMPORARY
from vaultd.jobs.scribe import KEPT, MOST, ROOM, TAKEN, PlainFile, Scribe
from vaultd.jobs.target import Level, sweep


@dataclass(slots=True)
class _Batch:
    start: int
    room: memoryview
    used: int = 0
    files: list[PlainFile] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)

    def takes(self, length: int) -> bool:
        return len(self.files) < MOST and self.used + length <= ROOM

    def add(self, file: PlainFile, plain: bytes, entry: Entry) -> None:
        end = self.used + len(plain)
        self.room[self.used : end] = plain
        self.files.append(msgspec.structs.replace(file, start=self.start + self.used))
        self.entries.append(entry)
        self.used = end


class Dictation:
    """Batches for the second process. All of them go to one folder until `finish`.

    `files` and `bytes` count what was written. `failed` once a file could not be written for another reason
    than that its name is taken; `over` once the other process is gone.
    """

    def __init__(self, scribe: Scribe, meanwhile: Callable[[], bool]) -> None:
        """Takes over the scribe, and closes it in the end. `meanwhile` does some of what comes next, while an
        answer is waited for; False where there is nothing more to do. It raises nothing.
        """
        self.files = self.bytes = 0
        self.failed = self.over = False
        self._scribe = scribe
        self._meanwhile = meanwhile
        self._here: Level | None = None
        self._batch: _Batch | None = None
        self._sent: deque[_Batch] = deque()

    def add(self, here: Level, file: PlainFile, plain: bytes, entry: Entry) -> Sequence[Entry]:
        """Have a file written into the open folder; what was given before and was not written."""
        self._here = here
        left: Sequence[Entry] = ()
        if self._batch is not None and not self._batch.takes(len(plain)):
            left = self._send()
        if self._batch is None:
            self._batch = _Batch(*self._scribe.room())
        self._batch.add(file, plain, entry)
        return left

    def finish(self) -> Sequence[Entry]:
        """Wait until everything is done; what was not written, in order."""
        left = [*self._send()]
        while self._sent:
            left += self._answered()
        return left

    def drop(self) -> None:
        """What was not sent yet is not written; what was is counted. To be called when something went wrong;
        after `finish` it does nothing.
        """
        if self._batch is not None:
            self._scribe.give_back(self._batch.start)
            self._batch = None
        while self._sent:
            self._answered()

    def close(self) -> None:
        """On return nothing is written any more."""
        self._scribe.close()

    def _send(self) -> Sequence[Entry]:
        """Send what was gathered. Where two batches are out, wait for the first, since its memory is needed
        next.
        """
        batch, self._batch, here = self._batch, None, self._here
        if batch is None or here is None:
            return ()
        try:
            self._scribe.send(here.fd, batch.files, made=here.made)
        except OSError:
            left = [entry for _ in range(len(self._sent)) for entry in self._answered()]
            self._scribe.give_back(batch.start)
            self._gone(batch.entries)
            return [*left, *batch.entries]
        self._sent.append(batch)
        return self._answered() if len(self._sent) > 2 else ()

    def _answered(self) -> Sequence[Entry]:
        batch = self._sent.popleft()
        answer = self._scribe.answer(self._meanwhile)
        self._scribe.give_back(batch.start)
        if len(answer) != len(batch.entries):
            self._gone(batch.entries)
            return batch.entries
        kept = [entry for entry, outcome in zip(batch.entries, answer, strict=True) if outcome == KEPT]
        self.files += len(kept)
        self.bytes += sum(entry.size for entry in kept)
        self.failed = self.failed or any(outcome not in (KEPT, TAKEN) for outcome in answer)
        return [entry for entry, outcome in zip(batch.entries, answer, strict=True) if outcome != KEPT]

    def _gone(self, entries: Sequence[Entry]) -> None:
        """Nobody knows which of these were written: what stands under their names now is looked at, as if it
        had been there before, and what was left unfinished is taken away.
        """
        assert self._here is not None
        self.over = True
        self._here.before |= {entry.name for entry in entries}
        with contextlib.suppress(OSError):
            there = map(os.fsencode, os.listdir(self._here.fd))
            self._here.before |= set(filter(TEMPORARY.fullmatch, there))
            sweep(self._here)
