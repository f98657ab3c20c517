"""Reed-Solomon over GF(256): the sums that parity is made of, and the way back.

The field has the polynomial 0x11d, and the matrix is Cauchy's as ISA-L builds it: parity cell p of a row is
the sum over the columns c of `coefficient(p, c) * cell(c)`, byte by byte. A column that is not there is all
zeros and adds nothing. Any two columns can be solved for from both parity cells, any one from either.

Sums are Python integers, lowest byte first, so that a shorter cell is one that ends in zeros.
"""

from functools import cache

from vaultd.format.limits import PARITY_COLUMNS, PARITY_SHARDS

_POLYNOMIAL = 0x11D
_ORDER = 255  # of the multiplicative group, which 2 generates


def _powers() -> list[int]:
    powers, value = [], 1
    for _ in range(_ORDER):
        powers.append(value)
        value <<= 1
        if value > 0xFF:
            value ^= _POLYNOMIAL
    return powers


_POWERS = _powers()
_LOGS = {value: number for number, value in enumerate(_POWERS)}


def multiply(one: int, other: int) -> int:
    """The product of two elements, 0..255."""
    if not (one and other):
        return 0
    return _POWERS[(_LOGS[one] + _LOGS[other]) % _ORDER]


def inverse(one: int) -> int:
    """What `one` (1..255) is multiplied by to give 1."""
    return _POWERS[-_LOGS[one] % _ORDER]


@cache
def _table(factor: int) -> bytes:
    """Each byte times `factor`, for `bytes.translate`."""
    return bytes(multiply(factor, each) for each in range(256))


@cache
def coefficient(shard: int, column: int) -> int:
    """What column `column` (0..19) is multiplied by in parity shard `shard` (0 or 1)."""
    assert 0 <= shard < PARITY_SHARDS
    assert 0 <= column < PARITY_COLUMNS
    return inverse((PARITY_COLUMNS + shard) ^ column)


def number(cell: bytes) -> int:
    """A cell as a sum that holds nothing else."""
    return int.from_bytes(cell, "little")


def times(factor: int, cell: bytes) -> int:
    """A cell times an element."""
    return int.from_bytes(cell.translate(_table(factor)), "little")


def term(shard: int, column: int, cell: bytes) -> int:
    """What a cell adds to a parity cell: sums are made with `^`."""
    return times(coefficient(shard, column), cell)


def solve_one(shard: int, column: int, rest: int, width: int) -> bytes:
    """The cell of `column`, `width` bytes; `rest` is parity cell `shard` and the terms of all other
    columns.
    """
    return times(inverse(coefficient(shard, column)), rest.to_bytes(width, "little")).to_bytes(
        width, "little"
    )


def solve_two(columns: tuple[int, int], rests: tuple[int, int], width: int) -> tuple[bytes, bytes]:
    """The cells of two columns; `rests` are both parity cells and the terms of all other columns."""
    (a, b), (c, d) = ([coefficient(shard, column) for column in columns] for shard in range(PARITY_SHARDS))
    scale = inverse(multiply(a, d) ^ multiply(b, c))
    first, second = (rest.to_bytes(width, "little") for rest in rests)
    one = times(multiply(scale, d), first) ^ times(multiply(scale, b), second)
    other = times(multiply(scale, c), first) ^ times(multiply(scale, a), second)
    return one.to_bytes(width, "little"), other.to_bytes(width, "little")
