"""Mend one copy from the others: what is damaged or gone there is fetched where it is right, checked, and put
in its place; what stood there is set aside in quarantine. What no other copy has is rebuilt from the parity
of this one, where it has any.

A copy that lost much is not mended by itself: it may be emptied, rolled back, or another one's disk, and its
owner looks first.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

from vaultd.copies.contract import Copy, is_right
from vaultd.errors import Damaged, LostTooMuch, Missing, VaultdError
from vaultd.jobs.beginning import begin_writing
from vaultd.jobs.elsewhere import copy_at
from vaultd.jobs.felt import (
    count_as_unread,
    digest_of,
    handful,
    let_go,
    may_be_gone,
    name_of,
    refuse_lossy_by,
)
from vaultd.jobs.opening import open_other
from vaultd.jobs.parity import cover_copy, has_parity, mend_from_parity
from vaultd.jobs.scrub import note
from vaultd.jobs.session import Session
from vaultd.progress import Progress
from vaultd.settings import Place
from vaultd.store.ledger import Ledger
from vaultd.store.lock import writer_lock

# Hashes of a record that says what was mended: 1,000 are 34 KB.
_IN_A_RECORD = 1000


def accept(session: Session, copy_id: bytes) -> None:
    """Whatever was read back from this copy counts no more: nothing of it is missed, and all of it is read
    again. For one that its owner has looked at.
    """
    with contextlib.closing(Ledger(session.home.ledger_file)) as ledger:
        ledger.forget(copy_id, {*ledger.matched(copy_id), *ledger.times(copy_id)})


@dataclass(slots=True)
class Healed:
    """`names` are right now, as read back from the copy, those of them in `rebuilt` by its own parity; `left`
    could not be mended, and why not.
    """

    names: list[str] = field(default_factory=list)
    rebuilt: list[str] = field(default_factory=list)
    left: list[VaultdError] = field(default_factory=list)


@contextlib.contextmanager
def healing(session: Session) -> Iterator[None]:
    """A session that only reads becomes the one writer of this device. Raises Busy, ReadOnly, Unreachable;
    LostTooMuch of the copy in use.
    """
    with writer_lock(session.home.lock_file):
        session.vault.sync()  # another process may have written before
        refuse_lossy_by(session.home, session.vault.copy, may_be_gone(session.vault.journal))
        begin_writing(session)
        yield


def heal(
    session: Session,
    place: Place,
    copy: Copy,
    damage: Sequence[VaultdError],
    progress: Progress,
    stop: Callable[[], None],
    *,
    of: int | None,
) -> Healed:
    """Mend what is wrong with files of `copy`, the open copy at `place`, in a session that writes. `stop` is
    called often and raises to interrupt.

    It should hold `of` files; None where its owner has looked, or there is no other copy: as many as there
    are shall be mended. Where it is more than a handful nothing is taken from another copy, and `left` says
    so. What its owner removed is not brought back; parity is not mended here, but made anew by whoever
    keeps it up. Never raises for what is wrong with a copy.
    """
    healed = Healed()
    leave = let_go(session.vault.journal)
    names = list(dict.fromkeys(name for error in damage if (name := name_of(error)) and name not in leave))
    progress.stage("heal")
    progress.total(files=len(names))
    many = None if of is None else _too_much(session, copy, len(names), of)
    if many is not None:
        left: dict[str, VaultdError] = dict.fromkeys(names, many)
    else:
        left = _from_others(session, place, copy, names, healed, progress, stop)
    _from_parity(session, copy, left, healed, stop)
    healed.left.extend(list(left.values())[: 1 if many is not None else None])
    _tell(session, place, healed)
    return healed


def _from_others(
    session: Session,
    place: Place,
    copy: Copy,
    names: Sequence[str],
    healed: Healed,
    progress: Progress,
    stop: Callable[[], None],
) -> dict[str, VaultdError]:
    """What no other copy could mend, and why."""
    left: dict[str, VaultdError] = {}
    with contextlib.ExitStack() as stack:
        sources = _Sources.of(session, place, stack) if names else _Sources()
        for name in names:
            stop()
            try:
                if _heal_one(name, copy, sources):
                    healed.names.append(name)
            except VaultdError as error:
                left[name] = error
            progress.add(files=1)
    for source, damaged in sources.damaged:
        count_as_unread(session.home, source.copy_id, [damaged])
    return left


def _from_parity(
    session: Session, copy: Copy, left: dict[str, VaultdError], healed: Healed, stop: Callable[[], None]
) -> None:
    """Rebuild what can be rebuilt of what is left."""
    try:
        for name in mend_from_parity(session.home, copy, left, stop):
            del left[name]
            healed.names.append(name)
            healed.rebuilt.append(name)
    except VaultdError as error:
        left[""] = error  # why nothing more was mended


def _too_much(session: Session, copy: Copy, wrong: int, of: int) -> VaultdError | None:
    """Why the owner is asked first where more than a handful is wrong, or gone: what is gone is not all among
    what was found.
    """
    if wrong > handful(of):
        return LostTooMuch(copy.label, wrong, of)
    if wrong:
        try:
            refuse_lossy_by(session.home, copy, may_be_gone(session.vault.journal))
        except VaultdError as error:
            return error
    return None


def heal_all(session: Session, place: Place, progress: Progress, stop: Callable[[], None]) -> Healed:
    """Read every file of a copy that its owner has accepted, and mend whatever is wrong. Raises what
    `open_place` raises, and Unreachable.
    """
    with copy_at(session, place) as copy:
        damage: list[Damaged | Missing] = []
        progress.stage("read-back")
        for file in list(copy.list()):
            stop()
            try:
                copy.read_back(file.name)
            except (Damaged, Missing) as error:
                damage.append(error)
            progress.add(files=1)
        healed = heal(session, place, copy, damage, progress, stop, of=None)
        _rely_no_more(session, place, [error.name for error in damage if error.name not in healed.names])
        if has_parity(place):
            bad = [error.name for error in damage if error.name.startswith("parity/")]
            done = cover_copy(session.home, place, copy, progress, stop, bad)
            healed.left += [done.error] if done.error is not None else []
        return healed


def _rely_no_more(session: Session, place: Place, names: Sequence[str]) -> None:
    """What lies in these damaged packs is stored anew by the next snapshot, should it go to this copy."""
    if place.copy_id == session.vault.copy.copy_id:
        session.vault.index.suspect(names, ())
    elif any(name.startswith("packs/") for name in names):
        with contextlib.suppress(VaultdError), open_other(session, place) as vault:
            vault.index.suspect(names, ())


@dataclass(slots=True)
class _Sources:
    """The other copies. `silent` says why one of them cannot be asked: what it holds is not known. `damaged`
    is what was found wrong on them.
    """

    copies: list[Copy] = field(default_factory=list)
    silent: VaultdError | None = None
    damaged: list[tuple[Copy, Damaged]] = field(default_factory=list)

    @classmethod
    def of(cls, session: Session, place: Place, stack: contextlib.ExitStack) -> Self:
        """Those of the settings, but for the one at `place`."""
        sources = cls()
        for each in session.settings.copies:
            if each != place:
                try:
                    sources.copies.append(stack.enter_context(copy_at(session, each)))
                except VaultdError as error:
                    sources.silent = error
        return sources

    def fetch(self, name: str) -> bytes:
        """The file as its name says it must be. Raises Missing where no copy has it right, and where one of
        them cannot be asked what is wrong with that.
        """
        silent = self.silent
        for copy in self.copies:
            try:
                return copy.fetch(name)
            except Damaged as error:
                self.damaged.append((copy, error))
            except Missing:
                continue
            except VaultdError as error:
                silent = error
        raise silent or Missing(name)


def _heal_one(name: str, copy: Copy, sources: _Sources) -> bool:
    """Whether there was anything to mend: right bytes are wrong everywhere. Raises why it could not be
    mended.
    """
    if is_right(copy, name):
        return False
    data = sources.fetch(name)
    copy.put(name, data)  # which sets aside what stands there
    copy.read_back(name)
    return True


def _tell(session: Session, place: Place, healed: Healed) -> None:
    """The ledger and the log are told what is right again, and the index of the copy in use."""
    if not (names := healed.names):
        return
    if place.copy_id == session.vault.copy.copy_id:
        session.vault.index.suspect((), names)
    with contextlib.closing(Ledger(session.home.ledger_file)) as ledger:
        note(ledger, place.copy_id, names)
    digests, rebuilt = sorted(map(digest_of, names)), set(map(digest_of, healed.rebuilt))
    for begin in range(0, len(digests), _IN_A_RECORD):
        some = digests[begin : begin + _IN_A_RECORD]
        body: dict[str, object] = {"copy": place.copy_id, "files": some}
        if alone := [digest for digest in some if digest in rebuilt]:
            body["parity"] = alone
        session.vault.journal.append("heal", body)
