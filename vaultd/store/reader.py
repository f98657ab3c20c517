"""Read blobs from a copy: find, fetch, open, re-hash."""

import threading
from collections.abc import Sequence

from vaultd import ids
from vaultd.copies.contract import Copy
from vaultd.errors import Damaged, Missing, Refused, Unreachable, VaultdError
from vaultd.format.keys import Keys
from vaultd.store.ahead import Ahead
from vaultd.store.contract import Buffer, Room
from vaultd.store.index import BlobIndex
from vaultd.store.state import Place


class Reader:
    """The `Blobs` of one copy. Safe to use from several threads."""

    def __init__(self, copy: Copy, keys: Keys, index: BlobIndex) -> None:
        self._copy = copy
        self._keys = keys
        self._index = index
        # What was said to be read next, by each thread for itself.
        self._expected = threading.local()

    def expect(self, blob_ids: Sequence[bytes]) -> None:
        self._expected.ahead = Ahead(self._copy, self._keys, self._index, blob_ids)

    def prepare(self) -> bool:
        ahead: Ahead | None = getattr(self._expected, "ahead", None)
        return ahead is not None and ahead.prepare()

    def type_of(self, blob_id: bytes) -> int:
        return self._places(blob_id)[0].type

    def length_of(self, blob_id: bytes) -> int:
        return self._places(blob_id)[0].plain_len

    def read(self, blob_id: bytes, blob_type: int) -> bytes:
        ahead: Ahead | None = getattr(self._expected, "ahead", None)
        found = ahead.read(blob_id, blob_type) if ahead is not None else None
        if found is not None:
            return found
        while True:
            fills = self._index.fills
            plain, failure = self._try_all(blob_id, blob_type)
            if plain is not None:
                return plain
            # Maybe what state said does not fit the copy: ask the packs themselves before calling anything
            # lost.
            if isinstance(failure, Unreachable) or not self._index.doubt(fills):
                raise failure or Missing(blob_id.hex(), self._copy.label)

    def read_into(self, blob_id: bytes, blob_type: int, room: Room) -> Buffer:
        ahead: Ahead | None = getattr(self._expected, "ahead", None)
        found = ahead.read_into(blob_id, blob_type, room) if ahead is not None else None
        return self.read(blob_id, blob_type) if found is None else found

    def _places(self, blob_id: bytes) -> list[Place]:
        while True:
            fills = self._index.fills
            if places := self._index.places(blob_id):
                return places
            if not self._index.doubt(fills):
                raise Missing(blob_id.hex(), self._copy.label)

    def _try_all(self, blob_id: bytes, blob_type: int) -> tuple[bytes | None, VaultdError | None]:
        failure: VaultdError | None = None
        for place in self._index.places(blob_id):
            if place.type != blob_type:
                continue
            try:
                return self._open(blob_id, place), None
            except Refused as error:
                failure = Damaged(ids.pack_name(place.pack), self._copy.label, error.reason)
            except (Missing, Unreachable) as error:
                failure = failure or error
        return None, failure

    def _open(self, blob_id: bytes, place: Place) -> bytes:
        sealed = self._copy.get(ids.pack_name(place.pack), place.offset, place.sealed_len)
        if len(sealed) != place.sealed_len:
            raise Refused("truncated", ids.pack_name(place.pack))
        row = place.row(blob_id)
        return self._index.head(place.pack).open(place.number, sealed, row, self._keys)
