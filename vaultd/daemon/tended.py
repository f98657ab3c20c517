"""One source that is watched: what happened in it and waits, and what has to be looked at again."""

import os
import queue
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from vaultd.daemon.proof import Proof
from vaultd.daemon.settler import Settler
from vaultd.daemon.watching import Watch, Watched
from vaultd.jobs.snapshot import Taken
from vaultd.tree.dirty import EVERYTHING, Dirty
from vaultd.tree.look import GRAIN_NS
from vaultd.tree.patterns import Selection
from vaultd.tree.sources import Source

# All of a source is looked at once a day, since what the kernel tells is a hint.
DAILY = 24 * 3600.0
# Where it tells nothing, or not of every folder, this often.
BLIND = 15 * 60.0
# A folder of a source that is not there is tried again.
AGAIN = 60.0
# What the kernel tells is held back for half a second, in which a rename may find its other end.
_ON_ITS_WAY = 1.0
_YOUNG = GRAIN_NS / 1e9 + 1

_Happened = tuple[bytes, bool]


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many folders of a source wait to be looked at, and since when (by the clock of the daemon)."""

    folders: int
    since: float | None


class Tended:
    """Threads of its watch put in what happened; everything else is called by one thread.

    What happens in one of the folders `own`, which are those of vaultd itself, is not listened to: to save
    something changes them, and would never end.
    """

    def __init__(
        self, source: Source, now: float, wake: Callable[[], None], own: Iterable[Path] = ()
    ) -> None:
        self.source = source
        self._own = frozenset(_within(source.body.path, own))
        self._wake = wake
        self._happened: queue.SimpleQueue[_Happened | None] = queue.SimpleQueue()
        self._settler = Settler()
        self._proof = Proof()
        self._selection = Selection(exclude=tuple(source.body.exclude))
        self._later: list[tuple[float, Dirty]] = []
        self._watch = Watch(source.body.path, self._changed, self._lost)
        self._watch.start()
        self._settler.tell_everything(now)
        self._look_at_all = now + self._pause()

    def _changed(self, path: bytes, deep: bool) -> None:
        self._happened.put((path, deep))
        self._wake()

    def _lost(self) -> None:
        self._happened.put(None)
        self._wake()

    def stop(self) -> None:
        self._watch.stop()

    @property
    def watched(self) -> Watched:
        return self._watch.watched

    def waiting(self) -> Waiting:
        return Waiting(len(self._settler), self._settler.since)

    def take_in(self, now: float) -> None:
        """Hear what was told, and what time has come for."""
        self._hear(now)
        if self._watch.is_elsewhere:
            self.look_at_all(now)
        elif now >= self._look_at_all:
            is_daily = self.watched.whole
            self.look_at_all(now)
            if is_daily:
                self._proof.begin()
        due = [dirty for when, dirty in self._later if when <= now]
        self._later = [(when, dirty) for when, dirty in self._later if when > now]
        for dirty in due:
            self._tell(dirty, now)

    def look_at_all(self, now: float) -> None:
        """Of what happened nothing is known: a scan of everything finds it. What could not be watched may be
        by now.
        """
        if self._watch.is_elsewhere or not self.watched.whole:
            self._proof.spoil()
            self._watch.stop()
            self._watch.start()
        self._settler.tell_everything(now)
        self._look_at_all = now + self._pause()

    def next(self) -> float:
        """When there is something to do, if nothing happens before."""
        times = [self._look_at_all, *(when for when, _ in self._later)]
        ready = self._settler.next()
        return min([*times, ready] if ready is not None else times)

    def ready(self, now: float) -> Dirty | None:
        """What to look at now; it waits no more."""
        return self._settler.ready(now)

    def saved(self, taken: Taken, now: float) -> None:
        """A snapshot was taken, or nothing had changed: what it may have missed comes later."""
        self._proof.end()
        if taken.linked:
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

    def _hear(self, now: float) -> None:
        while True:
            try:
                happened = self._happened.get_nowait()
            except queue.Empty:
                return
            if happened is None:
                self._proof.spoil()
                self._watch.stop()
                self._watch.start()
                self.look_at_all(now)
            elif not self._is_excluded(happened[0]):
                self._proof.heard(happened[0], deep=happened[1])
                self._settler.tell(happened[0], now, deep=happened[1])

    def _is_excluded(self, path: bytes) -> bool:
        if not path or (self._selection.takes_all and not self._own):
            return False
        parts = path.split(b"/")
        above = [b"/".join(parts[: end + 1]) for end in range(len(parts))]
        return any(each in self._own or self._selection.excludes(each, folder=True) for each in above)

    def _tell(self, dirty: Dirty, now: float) -> None:
        if dirty is EVERYTHING:
            self.look_at_all(now)
            return
        for path in dirty.folders():
            self._settler.tell(path, now, deep=dirty.is_deep(path))

    def _pause(self) -> float:
        if self.watched.whole:
            return DAILY
        return BLIND if os.path.isdir(self.source.body.path) else AGAIN


def _within(root: bytes, folders: Iterable[Path]) -> Iterator[bytes]:
    """The paths in a source of those that stand in it."""
    above = os.path.realpath(root) + b"/"
    for folder in folders:
        path = os.path.realpath(os.fsencode(folder))
        if path.startswith(above):
            yield path[len(above) :]
