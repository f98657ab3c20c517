"""Rebuild packs of a copy from its own parity.

Cell by cell: in each row of a group any two cells may be damaged or gone, whichever packs or parity files
they are in. What comes of it counts only where it hashes to the name of the pack.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from blake3 import blake3

from vaultd.copies.contract import Copy
from vaultd.format import galois
from vaultd.format.limits import PARITY_CELL, PARITY_FRONT, PARITY_SHARDS
from vaultd.format.parity import cells, digest, split
from vaultd.store.shelf import Held, Shelf, pack_name, read_range

# Rows that are read at once: 1 MiB of a file.
_BLOCK = 16


def rebuilt(
    copy: Copy, shelf: Shelf, wanted: Collection[bytes], stop: Callable[[], None]
) -> Iterator[tuple[bytes, bytes]]:
    """Those of the packs with these hashes that can be had from parity: hash and bytes, which fit.

    Whoever is given one puts it where it belongs, so that the next can be rebuilt with it. `stop` is called
    often and raises to interrupt. Raises Unreachable.
    """
    left = set(wanted)
    while left:
        before = len(left)
        for held in shelf.groups:
            columns = [n for n, member in enumerate(held.members) if member.digest in left]
            if columns:
                for column, data in _Decoding(copy, held, shelf, columns, stop).run():
                    left.discard(held.members[column].digest)
                    yield held.members[column].digest, data
        if len(left) == before:
            return


@dataclass
class _Block:
    """Some rows of a group, from row `start`: for each its hashes, where they are known, and its parity
    cells, where they are right.
    """

    start: int
    hashes: list[list[bytes] | None]
    parity: list[dict[int, bytes]]


class _Decoding:
    """Solves for the damaged cells of some columns of one group."""

    def __init__(
        self, copy: Copy, held: Held, shelf: Shelf, columns: Sequence[int], stop: Callable[[], None]
    ) -> None:
        self._copy, self._group, self._stop = copy, held.group, stop
        # One that lost its beginning, and with it the word which group it is of, may give its cells all the
        # same.
        strays = [file.name for file in shelf.odd if file.size == held.group.file_length]
        self._files = [*held.files.values(), *strays]
        self._left = set(columns)
        self._solved: dict[int, dict[int, bytes]] = {column: {} for column in columns}

    def run(self) -> Iterator[tuple[int, bytes]]:
        """The columns that were had back, and their bytes."""
        digests = self._digests()
        if digests is None:
            return
        for start in range(0, self._group.rows, _BLOCK):
            self._stop()
            if not self._left:
                return
            self._solve(self._block(start, digests[start : start + _BLOCK]))
        for column in sorted(self._left):
            data = self._joined(column)
            if blake3(data).digest() == self._group.members[column].digest:
                yield column, data

    def _digests(self) -> list[bytes] | None:
        """The hashes of the rows' tables, from whichever parity file has them right."""
        for name in self._files:
            found = read_range(self._copy, name, PARITY_FRONT, self._group.begin - PARITY_FRONT)
            if (digests := self._group.read_digests(found)) is not None:
                return digests
        return None

    def _block(self, start: int, digests: Sequence[bytes]) -> _Block:
        """Read some rows of the parity files."""
        group = self._group
        block = _Block(start, [None for _ in digests], [{} for _ in digests])
        parts = []
        for name in self._files:
            data = read_range(
                self._copy, name, group.begin + start * group.stride, len(digests) * group.stride
            )
            parts.append([data[at : at + group.stride] for at in range(0, len(data), group.stride)])
        for row, expected in enumerate(digests):
            here = [part[row] for part in parts if row < len(part)]
            tables = (each[: group.width] for each in here)
            if (table := next((each for each in tables if digest(each) == expected), None)) is None:
                continue
            block.hashes[row] = hashes = split(table)
            for each in here:
                cell = each[group.width :][: group.cell_length(start + row)]
                for shard, right in enumerate(hashes[-PARITY_SHARDS:]):
                    if digest(cell) == right:
                        block.parity[row][shard] = cell
        return block

    def _solve(self, block: _Block) -> None:
        """Have back what is damaged in these rows of the columns that are left; give up those where a row
        cannot be solved.
        """
        group, found = self._group, dict[int, list[bytes]]()
        for column in sorted(self._left):
            found[column] = self._cells(block, column)
        rows = sorted({row for column in found for row in self._wrong(block, column, found[column])})
        if not rows:
            return
        for column in range(len(group.members)):
            if column not in found:
                found[column] = self._cells(block, column)
        for row in rows:
            self._solve_row(block, row, {column: each[row] for column, each in found.items()})

    def _cells(self, block: _Block, column: int) -> list[bytes]:
        """The cells of a pack in these rows, right or not."""
        member, count = self._group.members[column], len(block.hashes)
        offset = block.start * PARITY_CELL
        length = max(0, min(member.size - offset, count * PARITY_CELL))
        data = read_range(self._copy, pack_name(member), offset, length) if length else b""
        return list(cells(data, count))

    def _wrong(self, block: _Block, column: int, found: Sequence[bytes]) -> Iterator[int]:
        """Rows in which a pack's cell is not right. Where nobody can tell, since the hashes of a row are
        lost on both sides, it is taken for right if it is there: the hash of the whole pack decides.
        """
        size = self._group.members[column].size
        for row, hashes in enumerate(block.hashes):
            if hashes is not None and digest(found[row]) != hashes[column]:
                yield row
            elif hashes is None and len(found[row]) < min(
                PARITY_CELL, size - (block.start + row) * PARITY_CELL
            ):
                self._left.discard(column)

    def _solve_row(self, block: _Block, row: int, found: dict[int, bytes]) -> None:
        hashes, parity = block.hashes[row], block.parity[row]
        assert hashes is not None  # nothing is called wrong without them
        lost = {column for column, cell in found.items() if digest(cell) != hashes[column]}
        if len(lost) > len(parity):
            self._left -= lost
            return
        width = self._group.cell_length(block.start + row)
        good = {column: cell for column, cell in found.items() if column not in lost and cell}
        for way in _ways(len(lost), parity):
            solved = _solved(sorted(lost), good, way, width)
            cut = {column: cell[: self._length(column, block.start + row)] for column, cell in solved.items()}
            if all(digest(cell) == hashes[column] for column, cell in cut.items()):
                for column in cut.keys() & self._left:
                    self._solved[column][block.start + row] = cut[column]
                return
        self._left -= lost

    def _length(self, column: int, row: int) -> int:
        return max(0, self._group.members[column].size - row * PARITY_CELL)

    def _joined(self, column: int) -> bytes:
        """A pack out of what is right of it, and what was solved."""
        member, solved = self._group.members[column], self._solved.pop(column)
        data = bytearray()
        for start in range(0, member.size, _BLOCK * PARITY_CELL):
            length = min(_BLOCK * PARITY_CELL, member.size - start)
            data += read_range(self._copy, pack_name(member), start, length)[:length].ljust(length, b"\0")
        for row, cell in solved.items():
            data[row * PARITY_CELL : row * PARITY_CELL + len(cell)] = cell
        return bytes(data)


def _ways(lost: int, parity: dict[int, bytes]) -> list[dict[int, bytes]]:
    """Which parity cells to solve with. One is enough for one: the other is for where memory failed when
    the first was made, which no hash of it tells.
    """
    if lost == PARITY_SHARDS:
        return [parity]
    return [{shard: cell} for shard, cell in sorted(parity.items())]


def _solved(
    lost: Sequence[int], good: dict[int, bytes], parity: dict[int, bytes], width: int
) -> dict[int, bytes]:
    """The cells of the lost columns, each `width` bytes, by as many parity cells."""
    rests = {}
    for shard, cell in parity.items():
        rests[shard] = galois.number(cell)
        for column, other in good.items():
            rests[shard] ^= galois.term(shard, column, other)
    if len(lost) == 1:
        ((shard, rest),) = rests.items()
        return {lost[0]: galois.solve_one(shard, lost[0], rest, width)}
    one, other = galois.solve_two((lost[0], lost[1]), (rests[0], rests[1]), width)
    return {lost[0]: one, lost[1]: other}
