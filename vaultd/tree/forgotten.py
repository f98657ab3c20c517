"""Which snapshots are held, and which are forgotten: what follows from a set of records, in any order.

A hold counts until a record answers it, and beats every forgetting. A forgetting counts for each of its
snapshots until a record takes that one back. What nobody has forgotten, or somebody holds, stands.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from vaultd.format.keeping import ForgetBody, HoldBody, RestoreFromTrashBody, UnholdBody
from vaultd.store.journal import Journal

SHORT = 8


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold that nobody has ended: `id` is its record's id (32 bytes), `time` since when (ns)."""

    id: bytes
    device: bytes
    time: int
    body: HoldBody

    @property
    def short(self) -> str:
        return self.id.hex()[:SHORT]


@dataclass(frozen=True, slots=True)
class Forgetting:
    """A record that forgot snapshots: its id (32 bytes), when (ns), and by whom."""

    id: bytes
    device: bytes
    time: int
    by: str


def list_holds(journal: Journal) -> list[Hold]:
    """Those that are not over, oldest first by their writers' clocks."""
    over = {
        answered
        for _, record in journal.of_kind(UnholdBody.WORD)
        for answered in UnholdBody.from_map(record.body).answers
    }
    return [
        Hold(identity, record.device, record.time, HoldBody.from_map(record.body))
        for identity, record in journal.of_kind(HoldBody.WORD)
        if identity not in over
    ]


def held_snapshots(holds: Iterable[Hold]) -> set[bytes]:
    """The ids of the snapshots that are held by name."""
    return {identity for hold in holds for identity in hold.body.snapshots}


def forgotten(journal: Journal) -> dict[bytes, list[Forgetting]]:
    """The snapshots that are in the trash or beyond, by their ids, each with what put it there, oldest
    first.
    """
    found: dict[bytes, list[Forgetting]] = {}
    back = taken_back(journal)
    for identity, record in journal.of_kind(ForgetBody.WORD):
        body = ForgetBody.from_map(record.body)
        for snapshot in body.snapshots:
            if (identity, snapshot) not in back:
                by = Forgetting(identity, record.device, record.time, body.by)
                found.setdefault(snapshot, []).append(by)
    if found:
        for snapshot in held_snapshots(list_holds(journal)):
            found.pop(snapshot, None)
    return found


def taken_back(journal: Journal) -> set[tuple[bytes, bytes]]:
    """Pairs of the record that forgot a snapshot and the snapshot, where that counts no more."""
    found: set[tuple[bytes, bytes]] = set()
    for _, record in journal.of_kind(RestoreFromTrashBody.WORD):
        body = RestoreFromTrashBody.from_map(record.body)
        found.update((answered, snapshot) for answered in body.answers for snapshot in body.snapshots)
    return found
