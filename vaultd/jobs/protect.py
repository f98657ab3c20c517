"""Bring the other copies up to the one in use, read back what was not yet, and say how safe that makes it.

It comes after the commit and undoes nothing: a copy that cannot be had now is behind, and is caught up the
next time.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

from vaultd import ids
from vaultd.copies.contract import Copy
from vaultd.errors import Damaged, Missing, Refused, VaultdError
from vaultd.format.box import open_box
from vaultd.format.limits import KIND_LOG
from vaultd.format.record import check_log_name, decode_record
from vaultd.jobs.keys import drop_removed_slots
from vaultd.jobs.level import (
    PROTECTED,
    SAVED,
    digest_of,
    felt,
    highest,
    on_one_disk,
    only_felt,
    protects,
    removed_slots,
)
from vaultd.jobs.opening import Session, open_place
from vaultd.jobs.sync import catch_up
from vaultd.progress import Progress
from vaultd.settings import Place
from vaultd.store.ledger import Ledger

# So many files are read back before the ledger is told: what an interruption costs.
_TOLD_TOGETHER = 64
# Of the ids under which this computer wrote: the one it has, and the one it had when a disk was pulled out.
_SWEPT = 2


@dataclass(frozen=True, slots=True)
class Behind:
    """A copy that does not hold everything: `error` says why, or it lacks `files` that the others could not
    give it.
    """

    place: Place
    error: VaultdError | None = None
    files: int = 0


@dataclass(slots=True)
class Reached:
    """How safe everything in the copy in use is now, and how safe it could be; what stands in the way."""

    level: str
    highest: str
    behind: list[Behind] = field(default_factory=list)
    damage: list[Damaged | Missing] = field(default_factory=list)

    @property
    def as_asked(self) -> bool:
        return self.level == self.highest and not self.behind and not self.damage


def protect(session: Session, progress: Progress, stop: Callable[[], None]) -> Reached:
    """Catch up every other copy of a session that writes. `stop` is called often and raises to interrupt.

    `protected` is said only where the copy in use and one on another disk hold the same, and all of it was
    read back from both. Never raises for what is wrong with a copy: that is told.
    """
    reached = Reached(SAVED, highest(session.settings))
    if session.others:
        with contextlib.closing(Ledger(session.home.ledger_file)) as ledger:
            run = _Run(session, ledger, reached, progress, stop)
            for place in session.others:
                try:
                    run.bring_up(place)
                except VaultdError as error:
                    reached.behind.append(Behind(place, error))
    return reached


@dataclass(slots=True)
class _Run:
    """One run over the other copies."""

    session: Session
    ledger: Ledger
    reached: Reached
    progress: Progress
    stop: Callable[[], None]

    def bring_up(self, place: Place) -> None:
        """Make this copy and the one in use hold the same. Raises what is wrong with either."""
        session, used = self.session, self.session.vault.copy
        with contextlib.closing(open_place(session.home, place)) as copy:
            for device in session.devices[:_SWEPT]:
                copy.sweep(device.hex())
            self._take_back(used, copy)
            leave = removed_slots(session)
            done = catch_up(used, copy, self.progress, self.stop, leave, self._begins)
            self.ledger.add(copy.copy_id, map(digest_of, only_felt(done.names)))
            if done.behind:
                self.reached.behind.append(Behind(place, files=done.behind))
                self._found(used, done.damage)
                return
            drop_removed_slots(session, copy)
            if not on_one_disk(session.place, place):
                self._compare(used, copy, leave)

    def _take_back(self, used: Copy, copy: Copy) -> None:
        """What was written to this copy alone comes to the one in use, and is known before anything goes
        the other way: a key that was removed there must not come back.
        """
        leave = removed_slots(self.session)
        done = catch_up(copy, used, self.progress, self.stop, leave, self._begins)
        self._found(copy, done.damage)
        if done.names:
            self.ledger.add(used.copy_id, map(digest_of, only_felt(done.names)))
            self.session.vault.sync()
            drop_removed_slots(self.session, used)

    def _begins(self, copy: Copy, name: str) -> int:
        """The number of the first record in a file of the log; of the last where it cannot be read."""
        named = ids.parse(name)
        assert named is not None  # the contract lists no other names
        try:
            boxed = open_box(copy.fetch(name), self.session.vault.keys, KIND_LOG)
            records = [decode_record(plain) for _, plain in boxed]
            check_log_name(records, named.device, named.seq)
        except (Damaged, Missing, Refused):
            return named.seq
        return records[0].seq

    def _compare(self, used: Copy, copy: Copy, leave: frozenset[str]) -> None:
        for each in (copy, used):
            self._read_back(each, felt(each, leave))
        held = {each.copy_id: set(felt(each, leave)) for each in (used, copy)}
        if lost := held[copy.copy_id] - held[used.copy_id]:
            self.reached.behind.append(Behind(self.session.place, files=len(lost)))
        if protects(self.ledger, held, leave):
            self.reached.level = PROTECTED

    def _read_back(self, copy: Copy, files: dict[bytes, str]) -> None:
        """Whatever was not read back from this copy yet: all of it after the ledger was lost."""
        names = sorted(files[digest] for digest in files.keys() - self.ledger.matched(copy.copy_id))
        self.progress.stage("read-back")
        self.progress.total(files=len(names))
        for begin in range(0, len(names), _TOLD_TOGETHER):
            right = [name for name in names[begin : begin + _TOLD_TOGETHER] if self._is_right(copy, name)]
            self.ledger.add(copy.copy_id, map(digest_of, right))

    def _is_right(self, copy: Copy, name: str) -> bool:
        self.stop()
        self.progress.add(files=1)
        try:
            copy.read_back(name)
        except (Damaged, Missing) as error:
            self._found(copy, [error])
            return False
        return True

    def _found(self, copy: Copy, damage: list[Damaged | Missing]) -> None:
        """What lies in a damaged pack of the copy in use is stored anew by the next snapshot."""
        known = {(error.copy, error.name) for error in self.reached.damage}
        self.reached.damage += [error for error in damage if (error.copy, error.name) not in known]
        names = [error.name for error in damage]
        self.ledger.forget(copy.copy_id, map(digest_of, names))
        if copy is self.session.vault.copy:
            self.session.vault.index.suspect([name for name in names if name.startswith("packs/")], ())
