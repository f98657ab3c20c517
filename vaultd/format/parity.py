"""Parity files: what lets packs of one copy be rebuilt from the others of it (docs/format.md, section 14).

A group is up to 20 packs, and two parity files. Packs are cut into cells of 64 KiB; the cells at one place of
all packs are a row, and of a row any two cells can be had back. For every row each parity file holds its own
parity cell, and the hashes of all cells of the row: damage is found cell by cell, without a key.

Nothing here trusts an answer: what a hash does not confirm is not there.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from blake3 import blake3

from vaultd.errors import Refused
from vaultd.format import galois
from vaultd.format.limits import (
    MAX_PARITY_MEMBER,
    PARITY_CELL,
    PARITY_COLUMNS,
    PARITY_FRONT,
    PARITY_SHARDS,
    Buffer,
)

_MAGIC = b"VAULTPX1"
_HASH = 32
_start = struct.Struct("<8sBBBBI")  # magic, shard, columns, shards, members, cell
_member = struct.Struct("<32sQ")
_NOTHING = blake3(b"").digest()


@dataclass(frozen=True, slots=True)
class Member:
    """A pack of a group: its hash (32 bytes) and its length in bytes."""

    digest: bytes
    size: int


@dataclass(frozen=True)
class Group:
    """The packs of a group, in the order of their columns, and where what stands in its parity files."""

    members: tuple[Member, ...]

    @cached_property
    def length(self) -> int:
        """Of a parity file, without what is said about it: that of the longest pack."""
        return max(member.size for member in self.members)

    @property
    def rows(self) -> int:
        return -(-self.length // PARITY_CELL)

    @property
    def width(self) -> int:
        """Hashes of one row, in bytes."""
        return (len(self.members) + PARITY_SHARDS) * _HASH

    @property
    def stride(self) -> int:
        """From one row of a parity file to the next."""
        return self.width + PARITY_CELL

    @property
    def begin(self) -> int:
        """Where the first row stands in a parity file."""
        return PARITY_FRONT + (self.rows + 1) * _HASH

    @property
    def file_length(self) -> int:
        return self.begin + self.rows * self.width + self.length

    def cell_length(self, row: int) -> int:
        """Of a parity cell: only the last may be shorter."""
        return min(PARITY_CELL, self.length - row * PARITY_CELL)

    def front(self, shard: int) -> bytes:
        """The first 1,024 bytes of a parity file, which end in their own hash."""
        start = _start.pack(_MAGIC, shard, PARITY_COLUMNS, PARITY_SHARDS, len(self.members), PARITY_CELL)
        rows = b"".join(_member.pack(member.digest, member.size) for member in self.members)
        front = (start + rows).ljust(PARITY_FRONT - _HASH, b"\0")
        return front + blake3(front).digest()

    def seal(self, digests: bytes) -> bytes:
        """What stands after the hashes of the rows, so that those of no other group are taken for them."""
        return blake3(self.front(0) + digests).digest()

    def read_digests(self, data: bytes) -> list[bytes] | None:
        """The hashes of the rows' tables, out of what stands between front and rows; None where damaged."""
        digests, seal = data[: self.rows * _HASH], data[self.rows * _HASH :]
        return split(digests) if seal == self.seal(digests) else None


def read_front(data: bytes) -> tuple[Group, int]:
    """The group, and which of its parity files begins like this. Raises Refused: "truncated", "magic",
    "digest", "limit", "shape".
    """
    if len(data) < PARITY_FRONT:
        raise Refused("truncated", "parity")
    front = data[:PARITY_FRONT]
    magic, shard, columns, shards, count, cell = _start.unpack_from(front)
    if magic != _MAGIC:
        raise Refused("magic", "parity")
    if blake3(front[:-_HASH]).digest() != front[-_HASH:]:
        raise Refused("digest", "parity")
    if (columns, shards, cell) != (PARITY_COLUMNS, PARITY_SHARDS, PARITY_CELL) or shard >= shards:
        raise Refused("limit", "parity")
    if not 1 <= count <= columns:
        raise Refused("limit", f"{count} packs")
    at = (_start.size + number * _member.size for number in range(count))
    group = Group(tuple(Member(*_member.unpack_from(front, offset)) for offset in at))
    if not all(1 <= member.size <= MAX_PARITY_MEMBER for member in group.members):
        raise Refused("limit", "parity")
    if group.front(shard) != front or len({member.digest for member in group.members}) != count:
        raise Refused("shape", "parity")
    return group, shard


def begins_well(data: bytes, size: int) -> bool:
    """Whether a file of this length may be the parity file that its beginning says it is."""
    try:
        return read_front(data)[0].file_length == size
    except Refused:
        return False


def cells(data: Buffer, count: int) -> Iterable[bytes]:
    """The first `count` cells of what begins at a row; those beyond its end are empty."""
    return (bytes(data[at : at + PARITY_CELL]) for at in range(0, count * PARITY_CELL, PARITY_CELL))


def split(hashes: bytes) -> list[bytes]:
    """Hashes one by one."""
    return [hashes[at : at + _HASH] for at in range(0, len(hashes), _HASH)]


def digest(cell: Buffer) -> bytes:
    """The hash of a cell: of the bytes that are there, without zeros that no pack has."""
    return blake3(cell).digest()


class Parity:
    """The parity of a group that packs are added to, one whole pack after the other.

    Holds two shards, each as long as the longest pack.
    """

    def __init__(self) -> None:
        self._members: list[Member] = []
        self._hashes: list[list[bytes]] = []  # of each pack's cells
        self._sums: tuple[list[int], ...] = tuple([] for _ in range(PARITY_SHARDS))

    @classmethod
    def of(cls, files: tuple[bytes, bytes]) -> "Parity":
        """That of a group whose parity files are these, whole and right by their names. Raises Refused."""
        group, parity = read_front(files[0])[0], cls()
        if any(file[:PARITY_FRONT] != group.front(shard) for shard, file in enumerate(files)):
            raise Refused("shape", "parity")
        if any(len(file) != group.file_length for file in files):
            raise Refused("length", "parity")
        parity._members = list(group.members)
        parity._hashes = [[] for _ in group.members]
        for row in range(group.rows):
            at = group.begin + row * group.stride
            for column, each in enumerate(split(files[0][at : at + group.width])[:-PARITY_SHARDS]):
                parity._hashes[column].append(each)
            for shard, file in enumerate(files):
                cell = file[at + group.width : at + group.width + group.cell_length(row)]
                parity._sums[shard].append(galois.number(cell))
        return parity

    @property
    def group(self) -> Group:
        return Group(tuple(self._members))

    def add(self, name: bytes, data: Buffer) -> None:
        """One more pack, `name` being its hash. It has at least one byte, and the group has room for it."""
        column, rows = len(self._members), -(-len(data) // PARITY_CELL)
        self._members.append(Member(name, len(data)))
        hashes = []
        for row, cell in enumerate(cells(data, rows)):
            hashes.append(digest(cell))
            for shard, sums in enumerate(self._sums):
                if row == len(sums):
                    sums.append(0)
                sums[row] ^= galois.term(shard, column, cell)
        self._hashes.append(hashes)

    def files(self) -> Iterable[bytearray]:
        """The two parity files, one at a time."""
        group = self.group
        tables = [self._table(group, row) for row in range(group.rows)]
        digests = b"".join(map(digest, tables))
        for shard, sums in enumerate(self._sums):
            data = bytearray(group.front(shard) + digests + group.seal(digests))
            for row, table in enumerate(tables):
                data += table
                data += sums[row].to_bytes(group.cell_length(row), "little")
            yield data

    def _table(self, group: Group, row: int) -> bytes:
        hashes = [each[row] if row < len(each) else _NOTHING for each in self._hashes]
        length = group.cell_length(row)
        hashes += [digest(sums[row].to_bytes(length, "little")) for sums in self._sums]
        return b"".join(hashes)
