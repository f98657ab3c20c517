"""In-memory stand-ins for the contracts of the store, without packs, seals or copies."""

import threading
from collections import Counter
from collections.abc import Sequence

from vaultd.errors import Missing
from vaultd.format.keys import Keys
from vaultd.store.contract import Buffer, Room

_COUNTING = threading.Lock()
KEYS = Keys.from_master(bytes(range(32)), bytes(range(16)))


class FakeSink:
    """A Sink that keeps every blob as it is. `writes` counts calls by type of blob, those of known blobs too;
    `reads` lists the ids that were read."""

    def __init__(self) -> None:
        self.blobs: dict[bytes, tuple[int, bytes]] = {}
        self.writes: Counter[int] = Counter()
        self.reads: list[bytes] = []

    def _find(self, blob_id: bytes) -> tuple[int, bytes]:
        if blob_id not in self.blobs:
            raise Missing(blob_id.hex())
        return self.blobs[blob_id]

    def type_of(self, blob_id: bytes) -> int:
        return self._find(blob_id)[0]

    def read(self, blob_id: bytes, blob_type: int) -> bytes:
        self.reads.append(blob_id)
        found, plain = self._find(blob_id)
        if found != blob_type:
            raise Missing(blob_id.hex())
        return plain

    def read_into(self, blob_id: bytes, blob_type: int, room: Room) -> Buffer:
        return self.read(blob_id, blob_type)

    def expect(self, blob_ids: Sequence[bytes]) -> None:
        assert all(len(blob_id) == 32 for blob_id in blob_ids)

    def prepare(self) -> bool:
        return False

    def length_of(self, blob_id: bytes) -> int:
        return len(self._find(blob_id)[1])

    def holds(self, blob_id: bytes) -> bool:
        return blob_id in self.blobs

    def held_of(self, blob_ids: Sequence[bytes]) -> set[bytes]:
        return {blob_id for blob_id in blob_ids if self.holds(blob_id)}

    def write_many(self, blob_type: int, plains: Sequence[Buffer]) -> list[bytes]:
        return [self.write(blob_type, plain) for plain in plains]

    def write(self, blob_type: int, plain: Buffer) -> bytes:
        blob_id = KEYS.blob_id(blob_type, plain)
        with _COUNTING:
            self.writes[blob_type] += 1
        if blob_id not in self.blobs:
            self.blobs[blob_id] = (blob_type, bytes(plain))
        return blob_id


class FakeMemory:
    """A FolderMemory in which rows count after `commit` only, as with a snapshot that was finished."""

    def __init__(self) -> None:
        self.rows: dict[bytes, tuple[bytes, bytes]] = {}
        self.pending: dict[bytes, tuple[bytes, bytes]] = {}
        self.forgotten: list[bytes] = []

    def recall(self, path: bytes) -> tuple[bytes, bytes] | None:
        return self.rows.get(path)

    def remember(self, path: bytes, look: bytes, content: bytes) -> None:
        self.pending[path] = (look, content)

    def forget_below(self, path: bytes) -> None:
        self.forgotten.append(path)

    def commit(self) -> None:
        """What a finished snapshot does: forget what is gone, keep what was seen."""
        for path in self.forgotten:
            below = path + b"/" if path else b""
            self.rows = {p: row for p, row in self.rows.items() if p != path and not p.startswith(below)}
        self.rows.update(self.pending)
        self.pending, self.forgotten = {}, []
