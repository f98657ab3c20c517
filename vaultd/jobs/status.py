"""How safe everything is, and never better than it was measured."""

import contextlib
import os
from dataclasses import dataclass, replace
from itertools import combinations

from vaultd.copies.contract import Space
from vaultd.errors import VaultdError
from vaultd.jobs.level import PROTECTED, SAVED, felt, highest, on_one_disk, protects, removed_slots
from vaultd.jobs.opening import Session, open_place
from vaultd.jobs.sources import copies_beside, is_mine
from vaultd.settings import Place
from vaultd.store.ledger import Ledger
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
    """One copy: how many files it lacks that another one holds, or why it cannot be looked at now."""

    place: Place
    space: Space | None = None
    behind: int = 0
    error: VaultdError | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """The one screen. `packs` and `stored` (bytes) are of the copy in use; `level` is how safe all that is
    saved is, and `highest` how safe the copies can make it; `troubles` counts what did not fit when the vault
    was opened; `check` tells more.
    """

    vault_id: bytes
    copies: tuple[CopyStatus, ...]
    packs: int
    stored: int
    level: str
    highest: str
    snapshots: int
    sources: tuple[SourceStatus, ...]
    troubles: int
    unknown: tuple[str, ...]

    @property
    def worst(self) -> bool:
        """Something here is not as safe as was asked: never saved, partial, gone, behind, or damaged."""
        return (
            bool(self.troubles)
            or any(copy.error or copy.behind for copy in self.copies)
            or (bool(self.snapshots) and self.level != self.highest)
            or any(
                entry.mine and (entry.newest is None or not entry.newest.body.complete or not entry.there)
                for entry in self.sources
            )
        )


def status(session: Session) -> Status:
    """Everything that is known without reading data. Copies that do not answer count for nothing."""
    vault, leave = session.vault, removed_slots(session)
    packs, stored = vault.state.counts()
    snapshots = list_snapshots(vault.journal)
    looks = _looks(session, leave)
    level = _level(session, {each.place.copy_id: held for each, held in looks if held is not None}, leave)
    sources = tuple(_source(session, source, snapshots, level) for source in list_sources(vault.journal))
    return Status(
        vault_id=vault.keys.vault_id,
        copies=tuple(each for each, _ in looks),
        packs=packs,
        stored=stored,
        level=level,
        highest=highest(session.settings),
        snapshots=len(snapshots),
        sources=sources,
        troubles=len(vault.troubles),
        unknown=tuple(vault.unknown),
    )


def _looks(session: Session, leave: frozenset[str]) -> list[tuple[CopyStatus, set[bytes] | None]]:
    """Each copy of the settings, with the hashes of what it holds."""
    looks = [_look(session, place, leave) for place in session.settings.copies]
    everything = {digest for _, held in looks for digest in held or ()}
    return [
        (each if held is None else replace(each, behind=len(everything - held)), held) for each, held in looks
    ]


def _look(session: Session, place: Place, leave: frozenset[str]) -> tuple[CopyStatus, set[bytes] | None]:
    in_use = place not in session.others
    try:
        with contextlib.ExitStack() as stack:
            opened = (
                None if in_use else stack.enter_context(contextlib.closing(open_place(session.home, place)))
            )
            copy = opened or session.vault.copy
            return CopyStatus(place, copy.space()), set(felt(copy, leave))
    except VaultdError as error:
        return CopyStatus(place, error=error), None


def _level(session: Session, held: dict[bytes, set[bytes]], leave: frozenset[str]) -> str:
    """`held` has what each copy that answers holds, by its id."""
    there = [place for place in session.settings.copies if place.copy_id in held]
    apart = [pair for pair in combinations(there, 2) if not on_one_disk(*pair)]
    if not apart:
        return SAVED
    with contextlib.closing(Ledger(session.home.ledger_file)) as ledger:
        pairs = ({place.copy_id: held[place.copy_id] for place in pair} for pair in apart)
        return PROTECTED if any(protects(ledger, pair, leave) for pair in pairs) else SAVED


def _source(session: Session, source: Source, snapshots: list[Snapshot], level: str) -> SourceStatus:
    mine = is_mine(session, source)
    tips = tuple(heads(snapshots, source.body.id))
    there = mine and os.path.isdir(source.body.path)
    return SourceStatus(
        source=source,
        mine=mine,
        heads=tips,
        level=level if tips else None,
        there=there,
        beside=tuple(copies_beside(session, source)) if there else (),
    )
