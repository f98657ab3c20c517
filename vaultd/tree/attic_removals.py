"""What its owner took out of the attics of sources, and took back, as the journal tells it."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from vaultd.errors import Damaged, Missing
from vaultd.format.entry import Entry
from vaultd.format.keeping import AtticRemoveBody, RestoreFromTrashBody
from vaultd.format.keys import Keys
from vaultd.store.contract import Sink
from vaultd.store.journal import Journal
from vaultd.tree.attic import Parent
from vaultd.tree.attic_removal import without
from vaultd.tree.retention import UNDO_NS
from vaultd.tree.snapshots import Snapshot, every_snapshot

SHORT = 8


@dataclass(frozen=True, slots=True)
class Removal:
    """One record: its id (32 bytes), when (ns), and `base`, the last snapshot that has what it takes out,
    None where the log does not tell of that. `back` are the records that took it back.
    """

    id: bytes
    time: int
    body: AtticRemoveBody
    base: Snapshot | None
    back: tuple[tuple[bytes, int], ...]  # device and number of each

    @property
    def until(self) -> int:
        """Until then (ns) it can be taken back for certain."""
        return self.time + UNDO_NS

    @property
    def name(self) -> str:
        """What the source was called; "" where the log does not tell."""
        return self.base.body.name if self.base is not None else ""

    @property
    def short(self) -> str:
        return self.id.hex()[:SHORT]


def list_removals(journal: Journal) -> list[Removal]:
    """All of them, oldest first by their writers' clocks."""
    records = journal.of_kind(AtticRemoveBody.WORD)
    if not records:
        return []
    snapshots = {each.id: each for each in every_snapshot(journal)}
    back: dict[bytes, list[tuple[bytes, int]]] = {}
    for _, record in journal.of_kind(RestoreFromTrashBody.WORD):
        for answered in RestoreFromTrashBody.from_map(record.body).answers:
            back.setdefault(answered, []).append((record.device, record.seq))
    bodies = [(identity, record.time, AtticRemoveBody.from_map(record.body)) for identity, record in records]
    return [
        Removal(identity, time, body, snapshots.get(body.snapshot), tuple(back.get(identity, ())))
        for identity, time, body in bodies
    ]


def taken_back(removals: Iterable[Removal], heads: Sequence[Snapshot], root: Entry) -> list[Parent]:
    """What a snapshot with this root goes on from besides its parents, so that what was taken back is there
    again: the attics that had it, unless every head was made after that by who took it back.
    """
    return [
        (root, each.base.body.attic)
        for each in removals
        if each.back and each.base is not None and not all(_knows(head, each) for head in heads)
    ]


def _knows(head: Snapshot, removal: Removal) -> bool:
    return any(head.device == device and head.seq > seq for device, seq in removal.back)


def without_removed(sink: Sink, keys: Keys, attic: bytes | None, removals: Iterable[Removal]) -> bytes | None:
    """The attic of a new snapshot without what was taken out and not taken back. What cannot be read
    stays.
    """
    for each in removals:
        base = each.base.body.attic if each.base is not None else None
        if attic is not None and base is not None and not each.back:
            with suppress(Missing, Damaged):
                attic = without(sink, keys, attic, base, each.body.paths)
    return attic
