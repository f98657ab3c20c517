"""The index: tables of many packs in one place, so that opening a vault needs few reads (docs/format.md,
section 10).
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta

from vaultd.errors import Refused
from vaultd.format import canon
from vaultd.format.canon import Bytes32
from vaultd.format.limits import HEAD, KIB, MAX_BLOB, MAX_BOX, MIB, MIN_BOX, ROW, Buffer

_TARGET = 4 * MIB  # of one blob; one that is damaged costs the reads of the packs in it, and no more
_PACK_COST = 1 * KIB  # an upper bound for what a pack takes besides its table


class PackTable(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """What an index says of one pack: the hash that is its name, its file's length, its first 96 bytes, its
    table.

    All of it is hearsay until a seal confirms it; `table.decode_table` reads the table.
    """

    digest: Bytes32
    file_len: Annotated[int, Meta(ge=MIN_BOX, le=MAX_BOX)]
    head: Annotated[bytes, Meta(min_length=HEAD, max_length=HEAD)]
    table: Annotated[bytes, Meta(min_length=ROW)]


class Index(NamedTuple):
    """One blob of an index. `supersedes` are hashes of index files; `unknown` names what version 1 does not
    know.
    """

    packs: tuple[PackTable, ...]
    supersedes: tuple[bytes, ...]
    unknown: list[str]


class _Map(msgspec.Struct):
    packs: tuple[PackTable, ...]
    supersedes: tuple[Bytes32, ...]
    v: Literal[1]


def encode_index(packs: Iterable[PackTable], supersedes: Iterable[bytes] = ()) -> Iterator[bytes]:
    """The plain bytes of the blobs of index files, one at least; no more than one blob's packs are taken at a
    time. The first blob says what is superseded.

    A pack whose table is too long for a blob is left out: an index is never needed.
    """
    answered = sorted(supersedes)
    group: list[PackTable] = []
    size = 0
    for pack in packs:
        cost = len(pack.table) + _PACK_COST
        if cost > MAX_BLOB - _PACK_COST:
            continue
        if group and size + cost > _TARGET:
            yield _encode(group, answered)
            group, size, answered = [], 0, []
        group.append(pack)
        size += cost
    yield _encode(group, answered)


def _encode(packs: list[PackTable], supersedes: list[bytes]) -> bytes:
    return canon.encode({"packs": packs, "supersedes": supersedes, "v": 1})


def decode_index(data: Buffer) -> Index:
    """Raises Refused: "canonical", "depth", "shape", and "length" for a table that is not rows."""
    value: Any = canon.decode(data)
    index = canon.convert(value, _Map)
    for pack in index.packs:
        if len(pack.table) % ROW:
            raise Refused("length", f"a table of {len(pack.table)} bytes")
    unknown = [f"index key {key}" for key in value if key not in _Map.__struct_fields__]
    return Index(index.packs, index.supersedes, unknown)
