"""The snapshots of a vault, as its journal tells them."""

import heapq
from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from itertools import chain

from vaultd.format.record import Record, SnapshotBody
from vaultd.store.journal import Journal
from vaultd.tree.forgotten import forgotten
from vaultd.tree.troubles import OLD_UNREADABLE

SHORT = 8
# What stands among the errors of a snapshot whose source had an attic that could not be read.
ATTIC_UNREAD = (b"", OLD_UNREADABLE, "attic")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state of one source: `id` is its record's id (32 bytes), `device` who made it (8 bytes). `beyond`
    are the snapshots that it goes on from where some between are forgotten; None: those that its record
    names.
    """

    id: bytes
    device: bytes
    seq: int
    body: SnapshotBody
    beyond: tuple[bytes, ...] | None = None

    @property
    def parents(self) -> tuple[bytes, ...]:
        """The ids of the snapshots that it goes on from, forgotten ones passed over."""
        return tuple(self.body.parents) if self.beyond is None else self.beyond

    @property
    def short(self) -> str:
        return self.id.hex()[:SHORT]


def list_snapshots(journal: Journal) -> list[Snapshot]:
    """Those that are not forgotten, oldest first by their writers' clocks."""
    found, gone = every_snapshot(journal), forgotten(journal)
    return _passing_over(found, gone.keys()) if gone else found


def every_snapshot(journal: Journal) -> list[Snapshot]:
    """Those that are forgotten as well, of which the copies may hold nothing but the record."""
    return [_snapshot(identity, record) for identity, record in journal.of_kind("snapshot")]


def _passing_over(snapshots: list[Snapshot], gone: Container[bytes]) -> list[Snapshot]:
    """Those that are not gone, each going on from the nearest before it that are not."""
    nearest: dict[bytes, tuple[bytes, ...]] = {}
    for each in in_order(snapshots):
        over = [(parent,) if parent not in gone else nearest.get(parent, ()) for parent in each.body.parents]
        nearest[each.id] = tuple(dict.fromkeys(chain.from_iterable(over)))
    return [replace(each, beyond=nearest[each.id]) for each in snapshots if each.id not in gone]


def _snapshot(identity: bytes, record: Record) -> Snapshot:
    said = record.said
    body = said if isinstance(said, SnapshotBody) else SnapshotBody.from_map(record.body)
    return Snapshot(identity, record.device, record.seq, body)


def heads(snapshots: Iterable[Snapshot], source: bytes) -> list[Snapshot]:
    """The snapshots of a source that no other goes on from: one where all went well, several after two
    devices wrote without knowing of each other. Oldest first.
    """
    mine = [snapshot for snapshot in snapshots if snapshot.body.source == source]
    passed = {parent for snapshot in mine for parent in snapshot.parents}
    return [snapshot for snapshot in mine if snapshot.id not in passed]


def in_order(snapshots: Iterable[Snapshot]) -> list[Snapshot]:
    """Oldest first by their writers' clocks, but each after all that it goes on from: one clock that was
    wrong once must not hide what came after.
    """
    by_id = {snapshot.id: snapshot for snapshot in snapshots}
    waits = {each.id: sum(parent in by_id for parent in each.parents) for each in by_id.values()}
    children: dict[bytes, list[bytes]] = {}
    for each in by_id.values():
        for parent in each.parents:
            children.setdefault(parent, []).append(each.id)
    ready = [(each.body.started, each.id) for each in by_id.values() if not waits[each.id]]
    heapq.heapify(ready)
    order = []
    while ready:
        _, identity = heapq.heappop(ready)
        order.append(by_id[identity])
        for child in children.get(identity, ()):
            waits[child] -= 1
            if not waits[child]:
                heapq.heappush(ready, (by_id[child].body.started, child))
    return order


def newest(snapshots: Iterable[Snapshot], source: bytes) -> Snapshot | None:
    """The last of a source's snapshots, which is a head; None for a source that was never saved."""
    mine = in_order(snapshot for snapshot in snapshots if snapshot.body.source == source)
    return mine[-1] if mine else None


def unread_before(snapshots: Iterable[Snapshot], heads: Iterable[Snapshot]) -> list[Snapshot]:
    """The heads, and behind each that was made while the attic before it could not be read, what it goes
    on from: its last versions are still to be taken over.
    """
    by_id = {snapshot.id: snapshot for snapshot in snapshots}
    found: dict[bytes, Snapshot] = {}
    stack = list(heads)
    while stack:
        snapshot = stack.pop()
        found[snapshot.id] = snapshot
        if ATTIC_UNREAD in snapshot.body.errors:
            stack += [by_id[p] for p in snapshot.parents if p in by_id and p not in found]
    return list(found.values())
