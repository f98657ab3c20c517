"""Write index files, which repeat the tables of packs: the first opening elsewhere then needs few reads."""

import contextlib
from collections.abc import Callable

from vaultd import ids
from vaultd.copies.contract import Copy
from vaultd.errors import Missing, Refused
from vaultd.format.box import Row
from vaultd.format.index import PackTable, encode_index
from vaultd.format.keys import Keys
from vaultd.format.limits import HEAD, INDEX, KIND_INDEX
from vaultd.format.table import encode_table
from vaultd.store.single import seal_alone
from vaultd.store.state import State, StateLost

# An index file is worth its own fsync once it saves this many reads of a trailer at the next opening
# elsewhere.
PACKS_PER_INDEX = 64

ReadTable = Callable[[bytes, int], list[Row]]


def write_indexes(copy: Copy, keys: Keys, state: State, read_table: ReadTable) -> int:
    """Write an index file when enough packs stand in none; how many packs it lists."""
    packs = [pack for pack in _unindexed(state) if _is_readable(read_table, *pack)]
    if len(packs) < PACKS_PER_INDEX:
        return 0
    for plain in encode_index(_listed(copy, read_table, digest, size) for digest, size in packs):
        name, box = seal_alone(keys, KIND_INDEX, INDEX, plain)
        copy.put(ids.index_name(name), box)
    with contextlib.suppress(StateLost):
        state.mark_indexed(digest for digest, _ in packs)
    return len(packs)


def _unindexed(state: State) -> list[tuple[bytes, int]]:
    """Packs that stand in no index file, as far as is known; none while they are few."""
    try:
        packs = state.unindexed()
    except StateLost:
        return []
    return packs if len(packs) >= PACKS_PER_INDEX else []


def _is_readable(read_table: ReadTable, digest: bytes, size: int) -> bool:
    try:
        read_table(digest, size)
    except (Refused, Missing):
        return False
    return True


def _listed(copy: Copy, read_table: ReadTable, digest: bytes, size: int) -> PackTable:
    # From the pack itself: a row that flipped in the state must not get into the vault.
    rows = read_table(digest, size)
    return PackTable(digest, size, copy.get(ids.pack_name(digest), 0, HEAD), encode_table(rows))
