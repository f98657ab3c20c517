"""The snapshots of a vault, as its journal tells them."""

from collections.abc import Iterable
from dataclasses import dataclass

from vaultd.format.record import Record, SnapshotBody
from vaultd.store.journal import Journal

SHORT = 8


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state of one source: `id` is its record's id (32 bytes), `device` who made it (8 bytes)."""

    id: bytes
    device: bytes
    seq: int
    body: SnapshotBody

    @property
    def short(self) -> str:
        return self.id.hex()[:SHORT]


def list_snapshots(journal: Journal) -> list[Snapshot]:
    """All of them, oldest first by their writers' clocks."""
    return [_snapshot(identity, record) for identity, record in journal.of_kind("snapshot")]


def _snapshot(identity: bytes, record: Record) -> Snapshot:
    return Snapshot(identity, record.device, record.seq, SnapshotBody.from_map(record.body))


def heads(snapshots: Iterable[Snapshot], source: bytes) -> list[Snapshot]:
    """The snapshots of a source that no other goes on from: one where all went well, several after two
    devices wrote without knowing of each other. Oldest first.
    """
    mine = [snapshot for snapshot in snapshots if snapshot.body.source == source]
    passed = {parent for snapshot in mine for parent in snapshot.body.parents}
    return [snapshot for snapshot in mine if snapshot.id not in passed]


def newest(snapshots: Iterable[Snapshot], source: bytes) -> Snapshot | None:
    """The head with the latest time, or None for a source that was never saved."""
    mine = heads(snapshots, source)
    return max(mine, key=lambda snapshot: (snapshot.body.started, snapshot.id)) if mine else None
