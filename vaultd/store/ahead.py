"""Blobs that will be read soon: looked up in one statement, and fetched many at once where they lie side by
side, as the contents of a folder's small files do.

Only a hint: for whatever is not as it should be the answer is None, and the ordinary way of reading finds out
why.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from vaultd import ids
from vaultd.copies.contract import Copy
from vaultd.errors import Missing, Refused, Unreachable
from vaultd.format.keys import Keys
from vaultd.format.limits import MAX_BLOB, TAG
from vaultd.store.contract import Buffer, Room
from vaultd.store.index import BlobIndex
from vaultd.store.state import Place

# A larger blob is fetched alone: asking for it costs little beside its bytes.
_SMALL = 64 << 10
# A row may say anything: no more memory than the largest blob needs is made for it.
_LARGEST = MAX_BLOB + TAG
# What is fetched at once, and how much of it is kept.
_LONGEST_RUN = 1 << 20
_MOST_BYTES = 4 << 20
# Blobs that are opened before they are asked for: 2 MiB at most.
_MOST_PREPARED = 32


@dataclass(slots=True)
class _Run:
    """Part of a pack, fetched when the first of its blobs is asked for."""

    pack: bytes
    start: int
    end: int
    data: bytes | None = None


class Ahead:
    """What is known of some blobs. Never used by two threads at once."""

    def __init__(self, copy: Copy, keys: Keys, index: BlobIndex, blob_ids: Sequence[bytes]) -> None:
        self._copy = copy
        self._keys = keys
        self._index = index
        self._places = index.places_of(blob_ids)
        self._runs = _runs(list(self._places.values()))
        self._order = blob_ids
        self._last = b""  # what was read last
        self._next = 0  # where in the order nothing was prepared yet
        self._prepared: dict[bytes, bytes] = {}

    def read(self, blob_id: bytes, blob_type: int) -> bytes | None:
        """The plain bytes of a blob that was found right where it was expected."""
        place = self._places.get(blob_id)
        if place is None or place.type != blob_type:
            return None
        self._last = blob_id
        if self._prepared and (plain := self._prepared.pop(blob_id, None)) is not None:
            return plain
        return self._open(blob_id, place)

    def prepare(self) -> bool:
        """Open the next small blob that is likely to be read, and keep it until it is; False where there is
        none, or enough are kept.
        """
        if self._last in self._places:
            self._next = max(self._next, self._order.index(self._last) + 1)
            self._last = b""
        while self._next < len(self._order) and len(self._prepared) < _MOST_PREPARED:
            blob_id = self._order[self._next]
            self._next += 1
            place = self._places.get(blob_id)
            if place is not None and place.sealed_len <= _SMALL and blob_id not in self._prepared:
                plain = self._open(blob_id, place)
                if plain is not None:
                    self._prepared[blob_id] = plain
                return True
        return False

    def _open(self, blob_id: bytes, place: Place) -> bytes | None:
        try:
            sealed = self._sealed(place)
            if len(sealed) != place.sealed_len:
                return None
            row = place.row(blob_id)
            return self._index.head(place.pack).open(place.number, sealed, row, self._keys)
        except (Missing, Unreachable, Refused):
            return None

    def read_into(self, blob_id: bytes, blob_type: int, room: Room) -> Buffer | None:
        """The same; a large blob comes to lie in `room`."""
        place = self._places.get(blob_id)
        if place is None or place.type != blob_type or not _SMALL < place.sealed_len <= _LARGEST:
            return self.read(blob_id, blob_type)
        sealed = room.sealed(place.sealed_len)
        row = place.row(blob_id)
        try:
            if self._copy.get_into(ids.pack_name(place.pack), place.offset, sealed) != len(sealed):
                return None
            head = self._index.head(place.pack)
            return head.open_into(place.number, sealed, row, self._keys, room.plain(len(sealed)))
        except (Missing, Unreachable, Refused):
            return None

    def _sealed(self, place: Place) -> memoryview:
        run = self._runs.get((place.pack, place.offset))
        if run is None:
            whole = self._copy.get(ids.pack_name(place.pack), place.offset, place.sealed_len)
            return memoryview(whole)
        if run.data is None:
            run.data = self._copy.get(ids.pack_name(run.pack), run.start, run.end - run.start)
        start = place.offset - run.start
        return memoryview(run.data)[start : start + place.sealed_len]


def _runs(places: list[Place]) -> dict[tuple[bytes, int], _Run]:
    """The run that each small blob is in, by its pack and offset."""
    runs: dict[tuple[bytes, int], _Run] = {}
    run, total = _Run(b"", 0, 0), 0
    for place in sorted(places, key=attrgetter("pack", "offset")):
        end = place.offset + place.sealed_len
        if place.sealed_len > _SMALL or total > _MOST_BYTES:
            continue
        if place.pack != run.pack or place.offset != run.end or end - run.start > _LONGEST_RUN:
            run = _Run(place.pack, place.offset, place.offset)
        run.end = end
        total += place.sealed_len
        runs[place.pack, place.offset] = run
    return runs
