"""The parity of the copies of an open vault: which have it, keeping it up, and rebuilding from it.

Parity belongs to one copy: it is made from the packs that are there, is never replicated, and helps only
there.
"""

import contextlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace

from vaultd import ids
from vaultd.copies.contract import Copy, is_right
from vaultd.errors import Damaged, Missing, VaultdError
from vaultd.jobs.cover import Plan, cover, drop, plan_cover
from vaultd.jobs.elsewhere import copy_at
from vaultd.jobs.felt import digest_of, may_be_gone, refuse_lossy_by
from vaultd.jobs.rebuild import rebuilt
from vaultd.jobs.scrub import note
from vaultd.jobs.session import Session
from vaultd.progress import Progress
from vaultd.settings import Home, Place, save
from vaultd.store.ledger import Ledger
from vaultd.store.shelf import FOLDER, Fronts, Shelf, covered, look, packs_of
from vaultd.tree.purging import Purging

_OPTION = "parity"


@dataclass(frozen=True)
class Coverage:
    """So many of a copy's packs stand in a whole group."""

    packs: int
    covered: int

    @property
    def exposed(self) -> int:
        """Packs that no parity stands for yet."""
        return self.packs - self.covered

    @property
    def whole(self) -> bool:
        return not self.exposed


@dataclass
class Covered:
    """What became of a copy's parity: names of the files that were written, packs that were found damaged,
    and why it was not done, if it was not. `amiss`: parity was damaged or gone.
    """

    place: Place
    names: list[str] = field(default_factory=list)
    damage: list[Damaged | Missing] = field(default_factory=list)
    error: VaultdError | None = None
    amiss: bool = False


def has_parity(place: Place) -> bool:
    """Whether this computer keeps up the parity of a copy."""
    return place.options.get(_OPTION) is True


def with_parity(place: Place, *, on: bool) -> Place:
    """The same place with that said in its settings."""
    rest = {name: value for name, value in place.options.items() if name != _OPTION}
    return replace(place, options={**rest, _OPTION: True} if on else rest)


def stands_in(copy: Copy) -> bool:
    """Whether a copy has parity files, whoever made them. Raises Unreachable."""
    return any(True for _ in copy.list(FOLDER))


def set_parity(session: Session, place: Place, *, on: bool) -> Place:
    """Say in the settings that a copy has parity from now on, or none; making or removing it is for others.
    Raises OSError.
    """
    changed = with_parity(place, on=on)
    copies = tuple(changed if each == place else each for each in session.settings.copies)
    session.settings = replace(session.settings, copies=copies)
    save(session.home, session.settings)
    return changed


def coverage(home: Home, copy: Copy, removed: Collection[bytes] = ()) -> Coverage:
    """How much of a copy its parity stands for, by listings alone; packs that nobody needs (`removed`) do not
    count. Raises Unreachable.
    """
    packs = _without(packs_of(copy), removed)
    return Coverage(len(packs), covered(shelf_of(home, copy), packs))


def shelf_of(home: Home, copy: Copy, without: Collection[str] = ()) -> Shelf:
    """What the parity files of a copy stand for, but for `without`. Raises Unreachable."""
    with contextlib.closing(Fronts(home.fronts_file)) as fronts:
        return look(copy, fronts, without)


def plan_parity(
    home: Home, copy: Copy, bad: Collection[str] = (), removed: Collection[bytes] = ()
) -> tuple[Plan, Shelf, dict[bytes, int]]:
    """What the parity of a copy lacks, where the parity files `bad` are of no use, and packs that are
    `removed` need none, whether they still stand there or not. Raises Unreachable.
    """
    shelf, packs = shelf_of(home, copy, bad), _without(packs_of(copy), removed)
    return plan_cover(shelf, packs, removed), shelf, packs


def _without(packs: dict[bytes, int], removed: Collection[bytes]) -> dict[bytes, int]:
    return {digest: size for digest, size in packs.items() if digest not in removed}


def cover_copy(
    home: Home,
    place: Place,
    copy: Copy,
    progress: Progress,
    stop: Callable[[], None],
    bad: Collection[str] = (),
    removed: Collection[bytes] = (),
) -> Covered:
    """Bring the parity of a copy up to its packs. Parity files `bad` are of no use; packs in `removed`
    (hashes) need none, and are not waited for. Never raises for what is wrong with the copy: that is told.
    """
    done = Covered(place, amiss=bool(bad))
    try:
        # The bad ones are left out first, and then, unless they are right by now, nothing needs them.
        for without in (bad, ()) if bad else ((),):
            plan, shelf, packs = plan_parity(home, copy, without, removed)
            done.amiss = done.amiss or plan.amiss or bool(shelf.odd)
            made = cover(copy, shelf, plan, packs, progress, stop, removed)
            done.names += made.names
            done.damage += [error for error in made.damage if error.name not in _names(done.damage)]
    except VaultdError as error:
        done.error = error
    _note(home, copy, done.names)
    return done


def _note(home: Home, copy: Copy, names: Collection[str]) -> None:
    """What was written was read back. Where the ledger cannot be told it is read again one day."""
    if names:
        not_now = contextlib.suppress(VaultdError, OSError)
        with not_now, contextlib.closing(Ledger(home.ledger_file)) as ledger:
            note(ledger, copy.copy_id, list(names))


def _names(damage: Collection[Damaged | Missing]) -> set[str]:
    return {error.name for error in damage}


def cover_place(session: Session, place: Place, progress: Progress, stop: Callable[[], None]) -> Covered:
    """The same in a session that writes, of one of its copies. Raises what `open_place` raises, and
    LostTooMuch.
    """
    used = session.vault
    with copy_at(session, place) as copy:
        if len(session.settings.copies) > 1:
            refuse_lossy_by(session.home, copy, may_be_gone(used.journal))
        removed = used.journal.derived(Purging).purged
        done = cover_copy(session.home, place, copy, progress, stop, removed=removed)
        if copy is used.copy:
            used.index.suspect([error.name for error in done.damage if isinstance(error, Damaged)], ())
    return done


def cover_copies(session: Session, progress: Progress, stop: Callable[[], None]) -> list[Covered]:
    """The same of each copy that has parity. Of one that cannot be had now, or that lost too much, nothing is
    told: whoever brings the copies up has said so.
    """
    done = []
    for place in filter(has_parity, session.settings.copies):
        with contextlib.suppress(VaultdError):
            done.append(cover_place(session, place, progress, stop))
    return done


def drop_parity(home: Home, copy: Copy) -> tuple[int, int]:
    """Remove the parity of a copy, but for groups of which a pack is gone: how many files went, and how many
    stay. Raises ReadOnly, WrongPlace, Unreachable.
    """
    gone = sum(1 for _ in drop(copy, shelf_of(home, copy), packs_of(copy)))
    return gone, sum(1 for _ in copy.list(FOLDER))


def mend_from_parity(
    home: Home, copy: Copy, names: Collection[str], stop: Callable[[], None]
) -> Iterator[str]:
    """Put right those of the packs with these names that the copy's own parity can rebuild: their names, once
    they were read back. What is not right by its hash is not written. Raises what `put` raises.
    """
    packs = [name for name in names if name.startswith("packs/")]
    if not packs or not stands_in(copy):
        return
    if wanted := [name for name in packs if not is_right(copy, name)]:
        shelf = shelf_of(home, copy)
        digests = set(map(digest_of, wanted))
        for digest, data in rebuilt(copy, shelf, digests, stop):
            name = ids.pack_name(digest)
            copy.put(name, data)
            copy.read_back(name)
            yield name


def gone_members(home: Home, copy: Copy, removed: Collection[bytes] = ()) -> list[str]:
    """Names of packs that the parity of a copy stands for, and that are not listed, but for those that were
    `removed` on purpose. Raises Unreachable.
    """
    if not stands_in(copy):
        return []
    packs = packs_of(copy)
    members = {member.digest for held in shelf_of(home, copy).groups for member in held.members}
    return sorted(ids.pack_name(digest) for digest in members - packs.keys() - set(removed))
