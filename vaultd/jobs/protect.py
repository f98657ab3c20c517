"""Bring the other copies up to the one in use, read back what was not yet, and say how safe that makes it.

It comes after the commit and undoes nothing: a copy that cannot be had now is behind, and is caught up the
next time.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

from vaultd import ids
from vaultd.copies.contract import Copy, is_right
from vaultd.errors import Damaged, Missing, Refused, Unreachable, VaultdError
from vaultd.format.box import open_box
from vaultd.format.limits import KIND_LOG
from vaultd.format.record import check_log_name, decode_record
from vaultd.jobs.alongside import end
from vaultd.jobs.bothlogs import let_go_by_both
from vaultd.jobs.felt import (
    CACHES,
    count_as_unread,
    digest_of,
    felt,
    forget_gone,
    let_go,
    may_be_gone,
    refuse_lossy,
)
from vaultd.jobs.heal import heal
from vaultd.jobs.keys import drop_removed_slots
from vaultd.jobs.level import CAPTURED, PROTECTED, SAVED, are_apart, gives_back_all, highest, protects
from vaultd.jobs.opening import open_place
from vaultd.jobs.parity import Covered, cover_copies
from vaultd.jobs.scrub import note
from vaultd.jobs.session import Session
from vaultd.jobs.sync import CaughtUp, catch_up
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


@dataclass(frozen=True, slots=True)
class Brought:
    """What a copy was given: so many files, `bytes` in all."""

    place: Place
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Mended:
    """Files of a copy that were damaged or gone and are right again, by name; those in `rebuilt` by its own
    parity.
    """

    place: Place
    names: list[str]
    rebuilt: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Reached:
    """How safe everything in the copy in use is now, and how safe it could be; what was copied for that, and
    what stands in the way; and what became of the parity of those that have it.
    """

    level: str
    highest: str
    brought: list[Brought] = field(default_factory=list)
    healed: list[Mended] = field(default_factory=list)
    behind: list[Behind] = field(default_factory=list)
    damage: list[Damaged | Missing] = field(default_factory=list)
    parity: list[Covered] = field(default_factory=list)

    @property
    def as_asked(self) -> bool:
        return self.level == self.highest and not self.behind and not self.damage


def protect(
    session: Session, progress: Progress, stop: Callable[[], None], only: Place | None = None
) -> Reached:
    """Catch up every other copy of a session that writes, or `only` this one. `stop` is called often and
    raises to interrupt.

    `protected` is said only where the copy in use and one on another disk hold the same, and all of it was
    read back from both. Never raises for what is wrong with a copy: that is told.
    """
    reached = Reached(SAVED, highest(session.settings))
    if session.away:
        reached.level = CAPTURED
        reached.behind = [Behind(place, error) for place, error in session.passed_over]
        return reached
    if session.others:
        count_as_unread(session.home, session.vault.copy.copy_id, session.vault.troubles)
        with contextlib.closing(Ledger(session.home.ledger_file)) as ledger:
            run = _Run(session, ledger, reached, progress, stop, end(session, ledger, stop))
            # What only the last one held is in the one in use by then, and not in those before it.
            if run.round(only):
                run.round(only)
            if run.is_protected():
                reached.level = PROTECTED
    reached.parity = cover_copies(session, progress, stop)
    return reached


@dataclass(slots=True)
class _Run:
    """One run over the other copies. `same` is what the copy in use and one on another disk were seen to
    hold, each time that both held the same.
    """

    session: Session
    ledger: Ledger
    reached: Reached
    progress: Progress
    stop: Callable[[], None]
    # Copies that were given every pack as it was made: a slow one must not hold them up.
    quick: frozenset[bytes]
    same: list[dict[bytes, set[bytes]]] = field(default_factory=list)

    def round(self, only: Place | None) -> bool:
        """Go over the copies once. Whether an earlier one may lack what a later one gave."""
        self.reached.behind.clear()
        self.same.clear()
        given = self._given_back()
        others = sorted(self.session.others, key=lambda place: place.copy_id not in self.quick)
        for place in others:
            if only not in (None, place, self.session.place):
                continue
            try:
                self.bring_up(place)
            except VaultdError as error:
                self.reached.behind.append(Behind(place, error))
        return len(others) > 1 and self._given_back() > given

    def _given_back(self) -> int:
        """How often the copy in use was given something; that files were mended stands in its log."""
        return sum(each.place == self.session.place for each in self.reached.brought) + len(
            self.reached.healed
        )

    def is_protected(self) -> bool:
        """Whether nothing has come up since against any two that held the same, and that is all."""
        vault, leave = self.session.vault, let_go(self.session.vault.journal)
        return any(protects(self.ledger, held, leave) for held in self.same) and gives_back_all(
            vault, self.same[0][vault.copy.copy_id]
        )

    def bring_up(self, place: Place) -> None:
        """Make this copy and the one in use hold the same. Raises what is wrong with either."""
        session, used = self.session, self.session.vault.copy
        with contextlib.closing(open_place(session.home, place)) as copy:
            for each in (used, copy):
                may_be = may_be_gone(session.vault.journal)
                refuse_lossy(self.ledger, each, may_be)
                forget_gone(self.ledger, each, may_be)
            for device in session.devices[:_SWEPT]:
                copy.sweep(device.hex())
            behind = self._pass(place, copy)
            if self._mend(place, copy):
                behind = self._pass(place, copy)
            if behind is not None:
                self.reached.behind.append(behind)

    def _pass(self, place: Place, copy: Copy) -> Behind | None:
        """What either still lacks, in the end."""
        session, used = self.session, self.session.vault.copy
        self._take_back(used, copy)
        leave = let_go(session.vault.journal)
        done = catch_up(used, copy, self.progress, self.stop, leave, self._begins)
        self._note(place, done)
        if done.behind:
            self._found(used, done.damage)
            return Behind(place, files=done.behind)
        drop_removed_slots(session, copy)
        return self._compare(used, copy, leave) if are_apart(session.place, place) else None

    def _mend(self, place: Place, copy: Copy) -> bool:
        """Whether anything that was found damaged is right again."""
        mended = False
        for where, each in ((self.session.place, self.session.vault.copy), (place, copy)):
            damage = [error for error in self.reached.damage if error.copy == each.label]
            if not damage:
                continue
            of = len(felt(each, frozenset()))
            healed = heal(self.session, where, each, damage, self.progress, self.stop, of=of)
            if healed.names:
                mended = True
                self.same.clear()
                self.reached.healed.append(Mended(where, healed.names, healed.rebuilt))
                gone = {(each.label, name) for name in healed.names}
                self.reached.damage = [
                    error for error in self.reached.damage if (error.copy, error.name) not in gone
                ]
        return mended

    def _take_back(self, used: Copy, copy: Copy) -> None:
        """What was written to this copy alone comes to the one in use, and is known before anything goes
        the other way: a key that was removed there must not come back.
        """
        leave = let_go_by_both(self.session.vault, copy)
        done = catch_up(copy, used, self.progress, self.stop, leave, self._begins)
        self._found(copy, done.damage)
        self._note(self.session.place, done)
        if done.names:
            self.same.clear()
            self.session.vault.sync()
            drop_removed_slots(self.session, used)

    def _note(self, place: Place, done: CaughtUp) -> None:
        """What was copied was read back."""
        if done.names:
            note(self.ledger, place.copy_id, done.names)
            self.reached.brought.append(Brought(place, len(done.names), done.bytes))

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

    def _compare(self, used: Copy, copy: Copy, leave: frozenset[str]) -> Behind | None:
        both = {each.copy_id: felt(each, leave) for each in (copy, used)}
        if sum(self._read_back(each, both[each.copy_id]) for each in (copy, used)):
            both = {each.copy_id: felt(each, leave) for each in (copy, used)}  # that took a while
        for each in (copy, used):
            self._read_caches(each)
        held = {copy_id: set(files) for copy_id, files in both.items()}
        if lost := held[copy.copy_id] - held[used.copy_id]:
            return Behind(self.session.place, files=len(lost))
        self.same.append(held)
        return None

    def _read_back(self, copy: Copy, files: dict[bytes, str]) -> int:
        """Whatever was not read back from this copy yet, all of it after the ledger was lost: how many."""
        names = sorted(files[digest] for digest in files.keys() - self.ledger.matched(copy.copy_id))
        self.progress.stage("read-back")
        self.progress.total(files=len(names))
        for begin in range(0, len(names), _TOLD_TOGETHER):
            right = [name for name in names[begin : begin + _TOLD_TOGETHER] if self._is_right(copy, name)]
            note(self.ledger, copy.copy_id, right)
        return len(names)

    def _read_caches(self, copy: Copy) -> None:
        """The same of files whose loss would not be felt; what is wrong with one is for a check to tell."""
        known = self.ledger.times(copy.copy_id)
        listed = (file.name for folder in CACHES for file in copy.list(folder))
        names = [name for name in listed if digest_of(name) not in known]
        for begin in range(0, len(names), _TOLD_TOGETHER):
            right = []
            for name in names[begin : begin + _TOLD_TOGETHER]:
                self.stop()
                with contextlib.suppress(Unreachable):
                    right += [name] if is_right(copy, name) else []
            note(self.ledger, copy.copy_id, right)

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
        names = [error.name for error in damage if isinstance(error, Damaged)]
        self.ledger.forget(copy.copy_id, map(digest_of, names))
        if copy is self.session.vault.copy:
            self.session.vault.index.suspect(names, ())
