"""What is done once a day though nothing changed: reading the copies through, drills, comparing some of the
sources with what was saved, thinning what is old, and pruning what nobody needs.

In a thread of its own, which gives way to everything else, with a session of its own that only reads; so a
source that changes all day does not keep it from being done, nor it the source from being saved.
"""

import contextlib
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from vaultd.daemon.bus import NoBus, is_metered
from vaultd.daemon.calm import battery, give_way
from vaultd.daemon.pause import Pause
from vaultd.daemon.rounds import Rounds, share
from vaultd.daemon.schedule import Schedule
from vaultd.daemon.turns import Turns
from vaultd.errors import Busy, NotSure, SourceGone, VaultdError
from vaultd.jobs.check import Report, check_copies
from vaultd.jobs.drill import FILES, Drill, drill_copies
from vaultd.jobs.forget import Plan
from vaultd.jobs.heal import healing
from vaultd.jobs.places import is_object_store
from vaultd.jobs.prune import Pruned, lets_go, prune
from vaultd.jobs.reread import Reread, reread
from vaultd.jobs.scrub import Part
from vaultd.jobs.session import Session
from vaultd.jobs.sources import my_sources
from vaultd.jobs.space import note_space
from vaultd.jobs.status import CopyStatus, look_at_copies
from vaultd.jobs.thin import Stopped, thin_sources
from vaultd.progress import Silent
from vaultd.settings import Home, Place, load
from vaultd.tree.snapshots import Snapshot, list_snapshots, newest
from vaultd.tree.sources import Source

SCRUB, DRILL, REREAD, THIN, PRUNE = "scrub", "drill", "reread", "thin", "prune"
# After the start, and between two looks at whether something is due.
FIRST, EACH = 300.0, 60.0
_NS = 1_000_000_000
# Every byte is to be read in 30 days: what was read so long ago is due, and ten days are left to read it in.
DUE = 20 * 86_400 * _NS
# Healing keeps others from writing until the reading ends, and so much of it may be lost to a restart.
SLICE = 300.0


class Told(Protocol):
    """Who is told what came of it; called by the thread of the chores."""

    def scrubbed(self, place: Place, found: Report | VaultdError) -> None: ...

    def looked(self, copies: Iterable[CopyStatus]) -> None:
        """Once a day, at every copy: whether it is there, and what is free."""
        ...

    def drilled(self, place: Place, found: Drill | VaultdError) -> None: ...

    def reread(self, source: Source, found: Reread | VaultdError) -> None:
        """Some of a source was compared with what was saved of it."""
        ...

    def thinned(self, source: Source, found: Plan | Stopped) -> None:
        """By its rules some of its snapshots were forgotten, or none, or its owner has to look first."""
        ...

    def pruned(self, found: Pruned | NotSure) -> None:
        """What nobody needs was let go of, or not all is known that must be known for that."""
        ...

    def not_done(self, error: VaultdError) -> None:
        """The vault could not be opened. Told once, until it is another error."""
        ...


class Chores:
    """From `start` to `stop`. `enter` opens the vault for reading."""

    def __init__(
        self,
        home: Home,
        enter: Callable[[], AbstractContextManager[Session]],
        told: Told,
        turns: Turns | None = None,
    ) -> None:
        self._home, self._enter, self._told = home, enter, told
        self._turns, self._heals = turns or Turns(), False
        self._schedule = Schedule(home.state / "chores.json", (SCRUB, DRILL, REREAD, THIN, PRUNE))
        self._rounds = Rounds(home.state / "reread.json")
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._complained = ""

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self, seconds: float = 4.0) -> None:
        """In the middle of anything. What does not end in time ends with the process, and harms nothing."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(seconds)

    def _run(self) -> None:
        give_way()
        wait = FIRST
        while not self._stopped.wait(wait):
            wait = EACH
            if not self._is_quiet() and (name := self._schedule.due()) is not None:
                self._do(name)

    def _is_quiet(self) -> bool:
        """Whether nothing is to be done now: paused, the battery is low, or the connection is metered."""
        if Pause(self._home).until() is not None:
            return True
        with contextlib.suppress(VaultdError, OSError):
            settings, level = load(self._home), battery()
            is_low = level is not None and level < settings.battery
            return is_low or (settings.pause_on_metered and _is_metered())
        return False

    def _do(self, name: str) -> None:
        work = {
            SCRUB: self._scrub,
            DRILL: self._drill,
            REREAD: self._reread,
            THIN: self._thin,
            PRUNE: self._prune,
        }[name]
        try:
            with self._enter() as session:
                is_done = work(session)
            self._complained = ""
        except KeyboardInterrupt:
            return
        except (VaultdError, OSError) as error:
            is_done = False
            if isinstance(error, VaultdError) and repr(error) != self._complained:
                self._complained = repr(error)
                self._told.not_done(error)
        if not is_done:
            self._schedule.later(name)
            return
        with contextlib.suppress(OSError):
            self._schedule.done(name)

    def _scrub(self, session: Session) -> bool:
        # What is read from an object store is paid for, and the store reads it through by itself.
        places = [place for place in session.settings.copies if not is_object_store(place)]
        part = Part(max_age=DUE, seconds=SLICE)
        is_done = True
        looked_at = check_copies(
            session,
            places,
            Silent(),
            self._end_if_stopped,
            read_data=True,
            part=part,
            heals=True,
            turn=self._turn,
        )
        for place, found in looked_at:
            self._told.scrubbed(place, found)
            is_done &= not isinstance(found, Report) or not (found.left[0] or _met_another(found))
        if is_done:
            looks = look_at_copies(session)
            note_space(self._home, {each.place.copy_id: each.space.free for each in looks if each.space})
            self._told.looked(looks)
        return is_done

    def _drill(self, session: Session) -> bool:
        seed = secrets.randbits(32)
        drilled = drill_copies(
            session, session.settings.copies, Silent(), self._stopped.is_set, files=FILES, seed=seed
        )
        with contextlib.closing(drilled):
            for place, found in drilled:
                self._told.drilled(place, found)
        return True

    def _reread(self, session: Session) -> bool:
        is_done, snapshots = True, list_snapshots(session.vault.journal)
        for source in my_sources(session):
            last = newest(snapshots, source.body.id)
            if last is None or not self._rounds.is_due(source.body.id):
                continue
            found = self._compared(session, source, last)
            self._told.reread(source, found)
            is_done &= isinstance(found, Reread) and found.in_time
        return is_done

    def _thin(self, session: Session) -> bool:
        for source, found in thin_sources(session, self._end_if_stopped, self._turn):
            self._told.thinned(source, found)
        return True

    def _prune(self, session: Session) -> bool:
        if not lets_go(session.vault.journal):
            return True
        try:
            with self._turn(), healing(session):
                found = prune(session, Silent(), self._end_if_stopped)
        except KeyboardInterrupt:
            if self._stopped.is_set():
                raise
            return False  # somebody wants to write, and it begins anew in a while
        except NotSure as error:
            self._told.pruned(error)
        else:
            self._told.pruned(found)
        return True

    def _compared(self, session: Session, source: Source, last: Snapshot) -> Reread | VaultdError:
        after, most = self._rounds.after(source.body.id), share(last.body.counts.get("bytes", 0))
        try:
            found = reread(session, source, last, self._end_if_stopped, after=after, most=most, seconds=SLICE)
        except SourceGone as error:
            return error
        self._rounds.reached(source.body.id, found.at)
        return found

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        with self._turns.mine("heal"):
            self._heals = True
            try:
                yield
            finally:
                self._heals = False

    def _end_if_stopped(self) -> None:
        """Also where somebody waits for the healing; what is not done is gone on with in a minute."""
        if self._stopped.is_set() or (self._heals and self._turns.presses):
            raise KeyboardInterrupt


def _met_another(found: Report) -> bool:
    """Whether something could not be mended only because somebody else was writing."""
    return any(isinstance(error, Busy) for error in found.unhealed)


def _is_metered() -> bool:
    """Not where nobody can tell."""
    with contextlib.suppress(NoBus, ImportError):
        return is_metered()
    return False
