"""Packs go to the other copies while the first one is being written.

It only spares work: what a copy was not given here it gets when it is brought up, which goes by what it
holds. So a copy that is slow is passed over while it has enough to do, one that fails is left alone, and
neither holds anybody up.
"""

import queue
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from vaultd.copies.contract import Copy, put_and_read_back

# Packs that may wait for a copy, the one that is being put there among them: each keeps a buffer.
WAITING = 2
# What the threads are called.
BRANCH = "copy"
# How often whoever waits is heard.
_HEARD_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class _Job:
    """A file that is there already, or that `data` is to become; `done` is called when that is settled."""

    name: str
    data: memoryview | None
    done: Callable[[], None]

    def do(self, copy: Copy) -> None:
        if self.data is None:
            copy.read_back(self.name)
        else:
            put_and_read_back(copy, self.name, self.data)


class Branch:
    """One copy, with a thread of its own. `opener` is entered in that thread when there is something to do,
    and raises where nothing must be written there.

    `right` are the names of files that were read back since they were written; `behind` is True once a file
    was not taken, or not put there. Never raises what is wrong with the copy: bringing it up tells.
    """

    def __init__(self, opener: Callable[[], AbstractContextManager[Copy]]) -> None:
        self.right: list[str] = []
        self.behind = False
        self._opener = opener
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._room = threading.BoundedSemaphore(WAITING)
        self._thread: threading.Thread | None = None
        self._over = False

    def offer(self, name: str, data: memoryview, done: Callable[[], None]) -> None:
        """Put `data` there and read it back, soon, or not at all. `done` is called once `data` is not needed
        any more, by whatever thread.
        """

        def settled() -> None:
            done()
            self._room.release()

        if self._over or not self._room.acquire(blocking=False):
            self.behind = True
            done()
        else:
            self._take(_Job(name, data, settled))

    def look(self, name: str) -> None:
        """Read back what somebody else has put there."""
        self._take(_Job(name, None, lambda: None))

    def close(self, stop: Callable[[], None]) -> None:
        """Wait until all that was taken is done. `stop` is called often and raises to interrupt: then what is
        under way ends by itself. Closing twice is not an error.
        """
        self.let_go()
        while self._thread is not None and self._thread.is_alive():
            stop()
            self._thread.join(_HEARD_SECONDS)

    def let_go(self) -> None:
        """Take no more, and wait for nothing."""
        self._over = True
        self._jobs.put(None)

    def _take(self, job: _Job) -> None:
        if self._thread is None:
            thread = threading.Thread(target=self._work, name=BRANCH, daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the system refuses one more
                self._fail()
            else:
                self._thread = thread
        if self._over:
            job.done()
        else:
            self._jobs.put(job)

    def _fail(self) -> None:
        self._over = self.behind = True

    def _work(self) -> None:
        try:
            with self._opener() as copy:
                for job in iter(self._jobs.get, None):
                    self._do(job, copy)
        except Exception:  # noqa: BLE001 - whatever it is, bringing the copy up meets it again and tells
            self._fail()
            for job in iter(self._jobs.get, None):
                job.done()

    def _do(self, job: _Job, copy: Copy) -> None:
        try:
            job.do(copy)
            self.right.append(job.name)
        finally:
            job.done()


class Fanout:
    """The copy that is written anyway, of which each pack is only read back, and the others; by their ids."""

    def __init__(self, used: bytes, first: Branch, others: Mapping[bytes, Branch]) -> None:
        self.used = used
        self.first = first
        self.others = others

    def all(self) -> list[tuple[bytes, Branch]]:
        """Every copy's id, with its branch."""
        return [(self.used, self.first), *self.others.items()]

    def let_go(self) -> None:
        """Nothing more comes; wait for nothing."""
        for _, branch in self.all():
            branch.let_go()
