"""How safe everything is, and never better than it was measured."""

import contextlib
import os
from dataclasses import dataclass, replace
from itertools import combinations

from vaultd.copies.contract import Space
from vaultd.errors import VaultdError
from vaultd.jobs.elsewhere import copy_at
from vaultd.jobs.felt import digest_of, let_go, may_be_gone, only_felt, refuse_lossy
from vaultd.jobs.level import (
    CAPTURED,
    PROTECTED,
    SAVED,
    are_apart,
    gives_back_all,
    highest,
    in_memory,
    protects,
)
from vaultd.jobs.parity import Coverage, coverage, has_parity
from vaultd.jobs.session import Session
from vaultd.jobs.sources import copies_beside, is_mine
from vaultd.jobs.space import full_in
from vaultd.jobs.spool import captured
from vaultd.settings import Place
from vaultd.store.ledger import Drilled, Ledger
from vaultd.tree.incidents import Incident, open_incidents
from vaultd.tree.notices import open_notices
from vaultd.tree.purging import Purging
from vaultd.tree.snapshots import Snapshot, heads, list_snapshots
from vaultd.tree.sources import Source, list_sources


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """One source: its newest snapshots (several where devices diverged), how safe the newest is, None for
    never saved; `beside` are the copies on its own disk.
    """

    source: Source
    mine: bool
    heads: tuple[Snapshot, ...]
    level: str | None
    there: bool
    beside: tuple[Place, ...]

    @property
    def newest(self) -> Snapshot | None:
        return max(self.heads, key=lambda head: head.body.started) if self.heads else None


@dataclass(frozen=True, slots=True)
class CopyStatus:
    """One copy: how many files it lacks that another one holds, or why it cannot be looked at now.

    `unread` files of it were not read back yet; the others all since `read_since` (ns), or None. `drilled` is
    its last drill. `parity` says how much of it can be rebuilt, where it has any. In `full_in` days it is
    full, if it goes on filling as it did; None where that is not known, or never.
    """

    place: Place
    space: Space | None = None
    behind: int = 0
    error: VaultdError | None = None
    unread: int = 0
    read_since: int | None = None
    drilled: Drilled | None = None
    parity: Coverage | None = None
    full_in: int | None = None

    @property
    def exposed(self) -> int:
        """Packs that its parity does not stand for yet."""
        return self.parity.exposed if self.parity is not None else 0

    @property
    def in_memory(self) -> bool:
        """Whether it is gone when this computer is switched off."""
        return in_memory(self.place)


@dataclass(frozen=True, slots=True)
class Status:
    """The one screen. `packs`, `stored` (bytes) and `snapshots` are of the copy in use, `used`; `level` is
    how safe all that is saved is, and `highest` how safe the copies can make it; `troubles` counts what did
    not fit when the vault was opened; `check` tells more; `notices` and `incidents` are open. `captured`
    snapshots are on this computer only.
    """

    vault_id: bytes
    used: Place
    copies: tuple[CopyStatus, ...]
    packs: int
    stored: int
    level: str
    highest: str
    captured: int
    snapshots: int
    sources: tuple[SourceStatus, ...]
    troubles: int
    unknown: tuple[str, ...]
    notices: int = 0
    incidents: tuple[Incident, ...] = ()

    @property
    def used_is_behind(self) -> bool:
        """Whether another copy holds more than the one that this tells of."""
        return any(copy.behind for copy in self.copies if copy.place == self.used)

    @property
    def worst(self) -> bool:
        """Something here is not as safe as was asked: never saved, partial, gone, behind, or damaged."""
        return (
            bool(self.troubles or self.notices or self.incidents)
            or any(copy.error or copy.behind or copy.exposed for copy in self.copies)
            or (bool(self.snapshots) and self.level != self.highest)
            or any(
                entry.mine and (entry.newest is None or not entry.newest.body.complete or not entry.there)
                for entry in self.sources
            )
        )


def status(session: Session) -> Status:
    """Everything that is known without reading data. Copies that do not answer count for nothing."""
    vault, leave = session.vault, let_go(session.vault.journal)
    packs = vault.index.packs()
    snapshots = list_snapshots(vault.journal)
    looks = _looks(session, leave)
    waiting = captured(session)
    level = _level(session, {each.place.copy_id: held for each, held in looks if held is not None}, leave)
    sources = tuple(
        _source(session, source, snapshots, level, waiting) for source in list_sources(vault.journal)
    )
    return Status(
        vault_id=vault.keys.vault_id,
        used=session.place,
        copies=tuple(each for each, _ in looks),
        packs=len(packs),
        stored=sum(packs.values()),
        level=CAPTURED if waiting else level,
        highest=highest(session.settings),
        captured=len(waiting),
        snapshots=len(snapshots),
        sources=sources,
        troubles=len(vault.troubles),
        unknown=tuple(vault.unknown),
        notices=len(open_notices(vault.journal)),
        incidents=tuple(open_incidents(vault.journal)),
    )


def look_at_copies(session: Session) -> list[CopyStatus]:
    """Each copy of the settings, without reading data."""
    return [each for each, _ in _looks(session, let_go(session.vault.journal))]


def _looks(session: Session, leave: frozenset[str]) -> list[tuple[CopyStatus, set[bytes] | None]]:
    """Each copy of the settings, with the hashes of what it holds. Of two lengths of one file at most one is
    right; the shorter one is taken for cut off, and not for held.
    """
    with contextlib.closing(Ledger(session.home.ledger_file)) as ledger:
        looks = [_look(session, place, leave, ledger) for place in session.settings.copies]
    longest: dict[bytes, int] = {}
    for digest, size in (file for _, sizes in looks for file in (sizes or {}).items()):
        longest[digest] = max(size, longest.get(digest, 0))
    found: list[tuple[CopyStatus, set[bytes] | None]] = []
    for each, sizes in looks:
        if sizes is None:
            found.append((each, None))
        else:
            held = {digest for digest, size in sizes.items() if size == longest[digest]}
            found.append((replace(each, behind=len(longest) - len(held)), held))
    return found


def _look(
    session: Session, place: Place, leave: frozenset[str], ledger: Ledger
) -> tuple[CopyStatus, dict[bytes, int] | None]:
    """One copy, with the lengths of what is felt of it, by hash."""
    drilled = ledger.drilled(place.copy_id)
    try:
        with copy_at(session, place) as copy:
            purged = session.vault.journal.derived(Purging).purged
            sizes = {file.name: file.size for file in copy.list() if file.name not in leave}
            if len(session.settings.copies) > 1:
                refuse_lossy(ledger, copy, may_be_gone(session.vault.journal))
            unread, since = ledger.since(place.copy_id, set(map(digest_of, sizes)))
            parity = coverage(session.home, copy, purged) if has_parity(place) else None
            space = copy.space()
            seen = CopyStatus(
                place,
                space,
                unread=unread,
                read_since=since,
                drilled=drilled,
                parity=parity,
                full_in=full_in(session.home, place.copy_id, space.free) if space.total else None,
            )
            return seen, {digest_of(name): sizes[name] for name in only_felt(sizes)}
    except VaultdError as error:
        return CopyStatus(place, error=error, drilled=drilled), None


def _level(session: Session, held: dict[bytes, set[bytes]], leave: frozenset[str]) -> str:
    """`held` has what each copy that answers holds, by its id. It is of all that the copy in use holds: two
    others that agree may both lack what was saved last.
    """
    used = held.get(session.place.copy_id)
    there = [place for place in session.settings.copies if held.get(place.copy_id, ()) == used]
    apart = [pair for pair in combinations(there, 2) if are_apart(*pair)]
    if used is None or not apart or not gives_back_all(session.vault, used):
        return SAVED
    with contextlib.closing(Ledger(session.home.ledger_file)) as ledger:
        pairs = ({place.copy_id: held[place.copy_id] for place in pair} for pair in apart)
        return PROTECTED if any(protects(ledger, pair, leave) for pair in pairs) else SAVED


def _source(
    session: Session, source: Source, snapshots: list[Snapshot], level: str, waiting: frozenset[bytes]
) -> SourceStatus:
    mine = is_mine(session, source)
    tips = tuple(heads(snapshots, source.body.id))
    level = CAPTURED if waiting & {tip.id for tip in tips} else level
    there = mine and os.path.isdir(source.body.path)
    return SourceStatus(
        source=source,
        mine=mine,
        heads=tips,
        level=level if tips else None,
        there=there,
        beside=tuple(copies_beside(session, source)) if there else (),
    )
