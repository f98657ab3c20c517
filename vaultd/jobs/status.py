"""How safe everything is, and never better than it was measured."""

import os
from dataclasses import dataclass

from vaultd.copies.contract import Space
from vaultd.jobs.opening import Session
from vaultd.jobs.sources import beside_copy, is_mine
from vaultd.tree.snapshots import Snapshot, heads, list_snapshots
from vaultd.tree.sources import Source, list_sources

CAPTURED, SAVED, PROTECTED = "captured", "saved", "protected"


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """One source: its newest snapshots (several where devices diverged), how safe the newest is, None for
    never saved.
    """

    source: Source
    mine: bool
    heads: tuple[Snapshot, ...]
    level: str | None
    there: bool
    beside_copy: bool

    @property
    def newest(self) -> Snapshot | None:
        return max(self.heads, key=lambda head: head.body.started) if self.heads else None


@dataclass(frozen=True, slots=True)
class Status:
    """The one screen. `troubles` counts what did not fit when the vault was opened; `check` tells more."""

    vault_id: bytes
    copy_label: str
    copy_url: str
    space: Space
    packs: int
    stored: int
    snapshots: int
    sources: tuple[SourceStatus, ...]
    troubles: int
    unknown: tuple[str, ...]

    @property
    def worst(self) -> bool:
        """Something here is not as safe as was asked: never saved, partial, gone, or damaged."""
        return bool(self.troubles) or any(
            entry.mine and (entry.newest is None or not entry.newest.body.complete or not entry.there)
            for entry in self.sources
        )


def status(session: Session) -> Status:
    """Everything that is known without reading data. One copy can reach `saved` and no more."""
    vault, place = session.vault, session.settings.copies[0]
    packs, stored, _ = vault.state.counts()
    snapshots = list_snapshots(vault.journal)
    sources = tuple(_source(session, source, snapshots) for source in list_sources(vault.journal))
    return Status(
        vault_id=vault.keys.vault_id,
        copy_label=place.label,
        copy_url=place.url,
        space=vault.copy.space(),
        packs=packs,
        stored=stored,
        snapshots=len(snapshots),
        sources=sources,
        troubles=len(vault.troubles),
        unknown=tuple(vault.unknown),
    )


def _source(session: Session, source: Source, snapshots: list[Snapshot]) -> SourceStatus:
    mine = is_mine(session, source)
    tips = tuple(heads(snapshots, source.body.id))
    there = mine and os.path.isdir(source.body.path)
    return SourceStatus(
        source=source,
        mine=mine,
        heads=tips,
        level=SAVED if tips else None,
        there=there,
        beside_copy=there and beside_copy(session, source),
    )
