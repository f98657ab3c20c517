"""One source that is watched: what happened in it and waits, and what has to be looked at again."""

import math
import queue
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from vaultd.daemon.changes import UNMOUNTED, Beginning, Change, Gone, Lost, Scanning, State, Watching, Why
from vaultd.daemon.changes import Dirty as Told
from vaultd.daemon.proof import Proof
from vaultd.daemon.scope import Inode, Scope
from vaultd.daemon.settler import LONGEST, Settler
from vaultd.daemon.watching import MOST_PARTS, Watch
from vaultd.jobs.snapshot import Taken
from vaultd.tree.dirty import EVERYTHING, Dirty
from vaultd.tree.look import GRAIN_NS
from vaultd.tree.sources import Source

# All of a source is looked at once a day, since what the kernel tells is a hint.
DAILY = 24 * 3600.0
# What the kernel tells nothing of, this often.
BLIND = 15 * 60.0
# A folder of a source that is not there is tried again.
AGAIN = 60.0
# What the kernel tells may take a moment to be heard.
_ON_ITS_WAY = 1.0
_YOUNG = GRAIN_NS / 1e9 + 1


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many folders of a source wait to be looked at, and since when (by the clock of the daemon)."""

    folders: int
    since: float | None


class Tended:
    """The thread of its watch puts in what happened; everything else is called by one thread.

    What happens in one of the folders `own`, which are those of vaultd itself, is not listened to: to save
    something changes them, and would never end.
    """

    def __init__(
        self, source: Source, now: float, wake: Callable[[], None], own: frozenset[Inode] = frozenset()
    ) -> None:
        self.source, self.own = source, own
        self._wake = wake
        self._happened: queue.SimpleQueue[Change] = queue.SimpleQueue()
        self._settler = Settler()
        self._proof = Proof()
        self._later: list[tuple[float, Dirty]] = []
        body = source.body
        self._watch = Watch(Scope(body.path, tuple(body.exclude), body.cross, own), self._told)
        self._begun = now
        self.overflows = 0
        self._settler.tell_everything(now)
        self._look_again = now + BLIND
        self._look_at_all = now + DAILY
        self._watch.start()

    def _told(self, change: Change) -> None:
        self._happened.put(change)
        self._wake()

    def stop(self) -> None:
        # Where the file system does not answer, its thread ends with the process.
        self._watch.close(2.0)

    @property
    def state(self) -> State:
        """How well it is watched."""
        return self._watch.state

    @property
    def is_whole(self) -> bool:
        """Whether the kernel tells of every folder."""
        return isinstance(self.state, Watching) and not self.state.part_count

    def waiting(self) -> Waiting:
        return Waiting(len(self._settler), self._settler.since)

    def take_in(self, now: float) -> bool:
        """Hear what was told, and what time has come for. True where it is watched better or worse now."""
        turned = self._hear(now)
        if now >= self._look_at_all:
            is_daily = self.is_whole
            self.look_at_all(now)
            if is_daily:
                self._proof.begin()
        if now >= self._look_again:
            self._look_at_what_is_not_told(now)
        due = [dirty for when, dirty in self._later if when <= now]
        self._later = [(when, dirty) for when, dirty in self._later if when > now]
        for dirty in due:
            self._tell(dirty, now)
        return turned

    def look_at_all(self, now: float) -> None:
        """Of what happened nothing is known: a scan of everything finds it."""
        self._settler.tell_everything(now)
        self._look_at_all = now + DAILY

    def next(self) -> float:
        """When there is something to do, if nothing happens before."""
        times = [self._look_at_all, self._look_again, *(when for when, _ in self._later)]
        ready = self._settler.next()
        return min(times if ready is None else [*times, max(ready, self._held_until())])

    def ready(self, now: float) -> Dirty | None:
        """What to look at now; it waits no more. Nothing where only the bare folder is left that the source
        was mounted on, and nothing while its folders are being found for the first time, after which all is
        looked at once.
        """
        return None if now < self._held_until() else self._settler.ready(now)

    def _held_until(self) -> float:
        state = self.state
        if isinstance(state, Gone):
            return math.inf if state.code == UNMOUNTED else -math.inf
        # Where folders are made faster than they can be found, that has no end.
        begins = isinstance(state, Scanning) and isinstance(state.reason, Beginning)
        return self._begun + LONGEST if begins else -math.inf

    def saved(self, taken: Taken, dirty: Dirty, now: float) -> None:
        """A snapshot was taken of what was `dirty`, or nothing had changed: what it may have missed comes
        later.
        """
        self._proof.end()
        if taken.linked and dirty is not EVERYTHING:
            self.look_at_all(now)
        if any(True for _ in taken.young.folders()):
            self._later.append((now + _YOUNG, taken.young))

    def untold(self, changed: Callable[[], Iterable[bytes]]) -> int:
        """Of how many of the paths that changed since the source was last saved nobody told, though all is
        watched; asked only where the look at everything was the daily one.
        """
        if not self._proof.runs or not self._proof.untold(changed()):
            return 0
        time.sleep(_ON_ITS_WAY)
        self._hear(time.monotonic())
        return self._proof.untold(changed())

    def failed(self, dirty: Dirty, now: float) -> None:
        """This could not be saved: it is tried again in a while."""
        self._later.append((now + AGAIN, dirty))

    def put_back(self, dirty: Dirty, now: float) -> None:
        """Somebody else is writing: the same again as soon as may be."""
        self._tell(dirty, now)

    def _hear(self, now: float) -> bool:
        turned = False
        while True:
            try:
                happened = self._happened.get_nowait()
            except queue.Empty:
                return turned
            if isinstance(happened, Told):
                self._proof.heard(happened.folder, deep=happened.deep)
                self._settler.tell(happened.folder, now, deep=happened.deep)
                continue
            turned = True
            self._proof.spoil()
            if isinstance(happened, Lost):
                self.overflows += happened.why is Why.OVERFLOW
                self.look_at_all(now)
            else:
                self._look_at_what_is_not_told(now)

    def _look_at_what_is_not_told(self, now: float) -> None:
        """The parts that are not watched, or everything, and again in a while."""
        self._look_again = now + (AGAIN if isinstance(self.state, Gone) else BLIND)
        if self.is_whole:
            return
        if isinstance(self.state, Watching) and self.state.part_count <= MOST_PARTS:
            for part in self.state.parts:
                self._settler.tell(part.folder, now, deep=True)
        else:
            self.look_at_all(now)

    def _tell(self, dirty: Dirty, now: float) -> None:
        if dirty is EVERYTHING:
            self.look_at_all(now)
            return
        for path in dirty.folders():
            self._settler.tell(path, now, deep=dirty.is_deep(path))
