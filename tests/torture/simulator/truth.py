"""What is so, whatever the program believes: the right bytes of every file that it ever wrote, which packs
hold which blobs, and what each acknowledged snapshot must give back.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from blake3 import blake3

from vaultd import ids
from vaultd.errors import Missing
from vaultd.format.box import open_box
from vaultd.format.keys import Keys
from vaultd.format.limits import KIND_LOG, PACK_KINDS
from vaultd.format.record import decode_record, record_id
from vaultd.store.contract import Buffer, Room
from vaultd.tree.snapshots import Snapshot
from vaultd.tree.view import Broken, View

Contents = dict[bytes, bytes]


def contents_of(view: View) -> Contents:
    """Every file of a snapshot. Raises Missing, Damaged, Unreachable."""
    found = {}
    for item in view.walk():
        if isinstance(item, Broken):
            raise item.error
        if item.entry.kind == 1:
            found[item.path] = view.read(item.entry, 0, item.entry.size)
    return found


class Held:
    """`Blobs` out of right packs, those of `names` or all; `asked` are the ids that were read."""

    def __init__(self, truth: "Truth", names: Collection[str] | None = None) -> None:
        self._truth, self._names = truth, names
        self.asked: set[bytes] = set()

    def _find(self, blob_id: bytes) -> tuple[int, bytes]:
        self.asked.add(blob_id)
        holders = self._truth.holders.get(blob_id, set())
        if not holders or (self._names is not None and holders.isdisjoint(self._names)):
            raise Missing(blob_id.hex())
        return self._truth.blobs[blob_id]

    def type_of(self, blob_id: bytes) -> int:
        return self._find(blob_id)[0]

    def length_of(self, blob_id: bytes) -> int:
        return len(self._find(blob_id)[1])

    def read(self, blob_id: bytes, blob_type: int) -> bytes:
        return self._find(blob_id)[1]

    def read_into(self, blob_id: bytes, blob_type: int, room: Room) -> Buffer:
        return self.read(blob_id, blob_type)

    def expect(self, blob_ids: Sequence[bytes]) -> None:
        pass

    def prepare(self) -> bool:
        return False


@dataclass(frozen=True)
class Kept:
    """An acknowledged snapshot: the file of its record, and the blobs of what was there (`needs`) and of what
    had disappeared before (`attic`).
    """

    snapshot: Snapshot
    record: str
    contents: Contents
    needs: frozenset[bytes]
    attic: frozenset[bytes]


@dataclass
class Truth:
    """`slot` is the file that opens the vault for us."""

    keys: Keys
    files: dict[str, bytes] = field(default_factory=dict)
    blobs: dict[bytes, tuple[int, bytes]] = field(default_factory=dict)
    holders: dict[bytes, set[str]] = field(default_factory=dict)
    records: dict[bytes, str] = field(default_factory=dict)
    kept: dict[bytes, Kept] = field(default_factory=dict)
    slot: str = ""

    def learn(self, name: str, data: bytes) -> None:
        """The program writes this: right bytes, whatever becomes of them."""
        parsed = ids.parse(name)
        if parsed is None or name in self.files:
            return
        assert blake3(data).digest() == parsed.digest, f"{name} is written with other bytes"
        self.files[name] = data
        if parsed.folder == "packs":
            for row, plain in open_box(data, self.keys, PACK_KINDS):
                self.blobs[row.id] = (row.type, plain)
                self.holders.setdefault(row.id, set()).add(name)
        if parsed.folder == "log":
            for _, plain in open_box(data, self.keys, KIND_LOG):
                decode_record(plain)
                self.records[record_id(plain)] = name

    def keep(self, snapshot: Snapshot, contents: Contents) -> Kept:
        """It was acknowledged. AssertionError where what was written does not hold the source."""
        body, root, attic = snapshot.body, Held(self), Held(self)
        assert contents_of(View(root, body.root)) == contents, "the snapshot is not what the source was"
        for item in View(attic, body.root, body.attic).deleted():
            if not isinstance(item, Broken) and item.entry.kind == 1:
                View(attic, body.root).read(item.entry, 0, item.entry.size)
        kept = Kept(
            snapshot, self.records[snapshot.id], contents, frozenset(root.asked), frozenset(attic.asked)
        )
        self.kept[snapshot.id] = kept
        return kept

    def is_right(self, name: str, data: bytes | None) -> bool:
        return data is not None and self.files.get(name) == data

    def right_in(self, files: dict[str, bytes]) -> set[str]:
        """Names of the files that are what their names say."""
        return {name for name, data in files.items() if self.files.get(name) == data}

    def lacks(self, blobs: Collection[bytes], names: set[str]) -> set[bytes]:
        """Those of the blobs that lie in none of these packs."""
        return {blob for blob in blobs if self.holders.get(blob, _NONE).isdisjoint(names)}

    def has(self, kept: Kept, names: set[str]) -> bool:
        """Whether a snapshot can be had from files of these names."""
        return self.slot in names and kept.record in names and not self.lacks(kept.needs, names)


_NONE: set[str] = set()
