"""Which blobs are needed: a bit for each row of local state, so that ten million of them are 1.25 MB.

A blob that lies in several packs is needed from one of them, and always the same: one that can be relied on
before one that is damaged or condemned, then the oldest. What state says is only what it says: who removes
anything asks the packs themselves first.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from vaultd.errors import Missing, NotSure
from vaultd.store.state import State

# One place of a blob: 1 where nothing may rely on it, the number of its pack, its row, its type. The least is
# the one that it is needed from.
_Row = tuple[int, int, int, int]
_UNRELIABLE, _PACK, _ROW, _TYPE = range(4)


@dataclass(slots=True)
class Use:
    """How much of a pack is needed: rows and sealed bytes of them, of so many."""

    rows: int = 0
    bytes: int = 0
    all_rows: int = 0
    all_bytes: int = 0


class Needed:
    """Begins with nothing. Raises NotSure ("changed") as soon as the state that it is about is not the same
    any more.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._generation = state.generation()
        size = state.last_row() // 8 + 1
        # All rows of what is needed, and of them those that it is needed from.
        self._needed, self._kept = bytearray(size), bytearray(size)

    def meet(self, blob_ids: Sequence[bytes], *, leniently: bool = False) -> list[tuple[bytes, int]]:
        """These are needed. Those that are so for the first time, with their types. Raises Missing for one
        that is in no pack; `leniently` it is passed over.
        """
        found = self._rows_of(blob_ids)
        new = []
        for blob_id in dict.fromkeys(blob_ids):
            rows = found.get(blob_id)
            if rows is None:
                if leniently:
                    continue
                raise Missing(blob_id.hex())
            keeper = rows[0] if len(rows) == 1 else min(rows)
            if len(rows) > 1 or not _has(self._needed, keeper[_ROW]):
                new += self._first(blob_id, keeper, rows)
        return new

    def _first(self, blob_id: bytes, keeper: _Row, rows: list[_Row]) -> list[tuple[bytes, int]]:
        is_new = not any(_has(self._needed, each[_ROW]) for each in rows)
        for each in rows:
            _set(self._needed, each[_ROW])
        if is_new:
            _set(self._kept, keeper[_ROW])
        return [(blob_id, keeper[_TYPE])] if is_new else []

    def keepers(self, blob_ids: Sequence[bytes]) -> dict[bytes, list[tuple[int, bool]]]:
        """Those of these blobs that are needed: the number of each pack that has it, and whether that may be
        relied on.
        """
        return {
            blob_id: [(each[_PACK], not each[_UNRELIABLE]) for each in sorted(rows)]
            for blob_id, rows in self._rows_of(blob_ids).items()
            if any(_has(self._needed, each[_ROW]) for each in rows)
        }

    def uses(self) -> dict[int, Use]:
        """Of each pack, by its number, how much is needed from it."""
        uses = defaultdict[int, Use](Use)
        for row, pack, sealed in self._state.all_rows():
            use = uses[pack]
            use.all_rows += 1
            use.all_bytes += sealed
            if _has(self._kept, row):
                use.rows += 1
                use.bytes += sealed
        self.check()
        return uses

    def check(self) -> None:
        """Raises NotSure where numbers of rows may mean others by now."""
        self._state.version()  # what others wrote is seen from here on
        if self._state.generation() != self._generation:
            raise NotSure("changed", "")

    def _rows_of(self, blob_ids: Sequence[bytes]) -> dict[bytes, list[_Row]]:
        found: dict[bytes, list[_Row]] = {}
        for blob_id, row, blob_type, pack, unreliable in self._state.rows_of(blob_ids):
            found.setdefault(blob_id, []).append((unreliable, pack, row, blob_type))
        if self._state.generation() != self._generation:
            raise NotSure("changed", "")
        return found


def _has(bits: bytearray, row: int) -> bool:
    # Rows that came after the beginning are nobody's.
    return row >> 3 < len(bits) and bool(bits[row >> 3] & 1 << (row & 7))


def _set(bits: bytearray, row: int) -> None:
    if row >> 3 >= len(bits):
        bits.extend(bytes((row >> 3) - len(bits) + 1))
    bits[row >> 3] |= 1 << (row & 7)
