"""The always-on half of vaultd: what changes in a source is saved when it is quiet, on every copy.

One thread does everything; those of the watches only tell it. Between two snapshots nothing of the vault is
open and no lock is held, so that every other command works beside it; one that writes asks for its turn.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from vaultd.daemon.calm import asleep, give_memory_back
from vaultd.daemon.notices import Notices
from vaultd.daemon.pause import Pause
from vaultd.daemon.proof import changes
from vaultd.daemon.report import Report
from vaultd.daemon.tended import Tended
from vaultd.daemon.turns import Turns
from vaultd.errors import Busy, Damaged, Missing, SourceEmpty, VaultdError
from vaultd.jobs.guarding import guarded_snapshot
from vaultd.jobs.level import SAVED
from vaultd.jobs.onwards import Enter, on_some_copy
from vaultd.jobs.protect import Reached, protect
from vaultd.jobs.session import Session
from vaultd.jobs.sources import my_sources, own_tops
from vaultd.jobs.usable import NOT_NOW
from vaultd.progress import Silent
from vaultd.settings import Home
from vaultd.tree.dirty import EVERYTHING, Dirty
from vaultd.tree.sources import Source

# How often it is looked whether somebody else wrote to the vault: sources may have come or gone.
GLANCE = 1.0
# Copies that were not brought up to one another are tried again after so long, then twice as long each time.
FIRST_RETRY, LAST_RETRY = 60.0, 3600.0
# A computer that slept longer than that has told of nothing meanwhile.
_SLEPT = 5.0


class Service:
    """From `run` to the end of it. `enter` opens the vault for writing; Busy while others write. `pulse` is
    called again and again while it goes on, and not while it hangs.
    """

    def __init__(
        self,
        home: Home,
        enter: Enter,
        report: Report,
        pulse: Callable[[], None] = lambda: None,
        notices: Notices | None = None,
    ) -> None:
        self._home, self._enter, self._report, self._pulse = home, enter, report, pulse
        self._notices, self._notices_at = notices, 0.0
        self.turns = Turns()
        self._pause = Pause(home)
        self._wake = threading.Event()
        self._stopped = False
        self._tended: dict[bytes, Tended] = {}
        self._seen: int | None = None
        self._retry_at: float | None = None
        self._retry = FIRST_RETRY
        self._told: dict[bytes, str] = {}
        self._asleep = asleep()

    def stop(self) -> None:
        """End soon, in the middle of anything: what is not saved yet is saved the next time. May be called by
        a signal, more than once.
        """
        self._stopped = True
        self._wake.set()

    def reload(self) -> None:
        """Look again what is to be saved, and whether it is paused. May be called by a signal or a thread."""
        self._pause = Pause(self._home)
        self._seen = None
        self._wake.set()

    @property
    def tended(self) -> list[Tended]:
        return list(self._tended.values())

    @property
    def paused_until(self) -> float | None:
        """When it goes on (seconds since 1970); None where it is not paused."""
        return self._pause.until()

    def run(self) -> None:
        """Until `stop`. Raises what `enter` raises at the start, but for what may pass: Busy, and copies that
        are not there yet.
        """
        try:
            self._begin()
            while not self._stopped:
                self._turn()
        except KeyboardInterrupt:
            if not self._stopped:
                raise
        finally:
            for tended in self.tended:
                tended.stop()

    def _begin(self) -> None:
        while not self._stopped:
            try:
                self._entered("look", self._learn)
            except Busy:
                self._report.states([])
                self._rest(time.monotonic() + GLANCE)
            except NOT_NOW as error:
                self._tell_once(b"", error)
                self._report.states([])
                self._rest(time.monotonic() + FIRST_RETRY)
            else:
                return

    def _turn(self) -> None:
        now = time.monotonic()
        self._pulse()
        self._look_around(now)
        turned = [tended for tended in self.tended if tended.take_in(now)]
        for tended in turned:
            self._report.watching(tended)
        if turned:
            self._report.states(self.tended)
        if self.paused_until is not None:
            self._rest(now + GLANCE)
            return
        for tended in self.tended:
            dirty = tended.ready(now)
            if dirty is not None and not self._stopped:
                self._save(tended, dirty)
                give_memory_back()
                self._report.states(self.tended)
        self._write_notices()
        if self._retry_at is not None and time.monotonic() >= self._retry_at:
            self._catch_up()
        times = [tended.next() for tended in self.tended]
        self._rest(min([*times, self._retry_at or now + GLANCE, now + GLANCE]))

    def _rest(self, until: float) -> None:
        # Never less than a moment: whatever wants to be done at once must not keep a core busy.
        self._wake.wait(max(0.05, until - time.monotonic()))
        self._wake.clear()

    def _look_around(self, now: float) -> None:
        slept, self._asleep = asleep() - self._asleep, asleep()
        if slept > _SLEPT:
            for tended in self.tended:
                tended.look_at_all(now)
        if _changed(self._home.lock_file) == self._seen:
            return
        if self._attempt(None, lambda: self._entered("look", self._learn)) is not None:
            self._seen = _changed(self._home.lock_file)

    def _learn(self, session: Session) -> None:
        """Watch what is this computer's to save, and nothing else."""
        self._seen = _changed(self._home.lock_file)
        mine = {source.body.id: source for source in my_sources(session)}
        for known in self._tended.keys() - mine.keys():
            gone = self._tended.pop(known)
            gone.stop()
            self._report.gone(gone.source)
        own = own_tops(session)
        for identity, source in mine.items():
            known_as = self._tended.get(identity)
            # A copy that was unplugged is no reason to begin anew.
            if known_as is not None and known_as.source.body == source.body and own <= known_as.own:
                continue
            if known_as is not None:
                known_as.stop()
            self._tended[identity] = Tended(source, time.monotonic(), self._wake.set, own)
        if self._notices is not None:
            self._notices.look(session)
        self._report.states(self.tended)

    def _save(self, tended: Tended, dirty: Dirty) -> None:
        identity = tended.source.body.id
        try:
            done = self._attempt(
                tended.source,
                lambda: self._entered("save", lambda session: self._saved(session, tended, dirty)),
            )
        except (Missing, Damaged) as error:
            if dirty is not EVERYTHING:
                # What was to be taken over cannot be read: all is read again.
                tended.look_at_all(time.monotonic())
                return
            self._tell_once(identity, error, tended.source)
            done = False
        if done is None:
            tended.put_back(dirty, time.monotonic())
        elif not done:
            tended.failed(dirty, time.monotonic())
        else:
            self._told.pop(identity, None)

    def _saved(self, session: Session, tended: Tended, dirty: Dirty) -> None:
        self._learn(session)
        if self._tended.get(tended.source.body.id) is not tended:
            return
        try:
            taken, guarded = guarded_snapshot(
                session, tended.source, Silent(), self._must_end, dirty=dirty, unless_same=True
            )
        except SourceEmpty:
            # What the guard may have written goes to every channel, and to every copy.
            if self._notices is not None:
                self._notices.look(session)
            self._retry_at = self._retry_at or time.monotonic()
            raise
        untold = tended.untold(lambda: changes(session, taken))
        tended.saved(taken, dirty, time.monotonic())
        self._report.read(tended.source, taken)
        self._report.guarded(tended.source, guarded)
        if guarded.told and self._notices is not None:
            self._notices.look(session)
        if untold:
            self._report.untold(tended.source, untold)
        if taken.made or guarded.told or self._retry_at is not None:
            reached = self._protect(session)
            if taken.made:
                self._report.saved(taken, reached)

    def _protect(self, session: Session) -> Reached:
        # Who wants his turn ends this in the middle; the snapshot is there, so nothing else asks for it.
        self._retry_at = time.monotonic() + GLANCE
        reached = protect(session, Silent(), self._heard)
        if reached.as_asked:
            self._retry_at, self._retry = None, FIRST_RETRY
        else:
            self._retry_at = time.monotonic() + self._retry
            self._retry = min(2 * self._retry, LAST_RETRY)
        return reached

    def _write_notices(self) -> None:
        """The journal is the first that they are told to; the copies are brought up to one another after."""
        notices, now = self._notices, time.monotonic()
        if notices is None or self._stopped or now < self._notices_at or not notices.waits():
            return
        self._notices_at = now + FIRST_RETRY
        if self._attempt(None, lambda: self._entered("notice", notices.write)):
            self._notices_at = now
            self._retry_at = self._retry_at or now

    def _catch_up(self) -> None:
        self._retry_at = time.monotonic() + self._retry

        def work(session: Session) -> None:
            if not session.away:
                reached = self._protect(session)
                if reached.level != SAVED or reached.as_asked:
                    self._report.caught_up(reached)

        self._attempt(None, lambda: self._entered("catch-up", work))

    def _entered(self, doing: str, work: Callable[[Session], None]) -> None:
        with self.turns.mine(doing):
            on_some_copy(self._enter, work)
        self._seen = _changed(self._home.lock_file)

    def _attempt(self, source: Source | None, work: Callable[[], None]) -> bool | None:
        """Whether it worked; None where somebody else is writing, or has waited too long for it. What went
        wrong is told, once; but of a source Missing and Damaged are raised.
        """
        try:
            work()
        except Busy:
            return None
        except KeyboardInterrupt:
            if self._stopped:
                raise
            return None
        except (VaultdError, OSError) as error:  # the disk of the state may be full, or fail
            if source is not None and isinstance(error, Missing | Damaged):
                raise
            self._tell_once(source.body.id if source is not None else b"", error, source)
            return False
        return True

    def _tell_once(self, key: bytes, error: VaultdError | OSError, source: Source | None = None) -> None:
        if self._told.get(key) != repr(error):
            self._told[key] = repr(error)
            self._report.failed(error, source)

    def _must_end(self) -> bool:
        self._pulse()
        return self._stopped or self.turns.presses

    def _heard(self) -> None:
        if self._must_end():
            raise KeyboardInterrupt


def _changed(file: Path) -> int | None:
    """When whoever writes to the vault last took the lock."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return None
