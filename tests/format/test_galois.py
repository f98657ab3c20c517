"""Parity by tables and long integers is what slow arithmetic in GF(256) gives, and any two cells come
back.
"""

from functools import cache
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultd.format import galois

COLUMNS = 20
element = st.integers(0, 255)
some = st.integers(1, 255)


def slow(one: int, other: int) -> int:
    """The product, bit by bit, as polynomials modulo x^8 + x^4 + x^3 + x^2 + 1."""
    product = 0
    for bit in range(8):
        if other >> bit & 1:
            product ^= one << bit
    for bit in range(14, 7, -1):
        if product >> bit & 1:
            product ^= 0x11D << (bit - 8)
    return product


@cache
def slow_coefficient(shard: int, column: int) -> int:
    return next(each for each in range(256) if slow(each, (COLUMNS + shard) ^ column) == 1)


def slow_parity(shard: int, cells: list[bytes]) -> bytes:
    out = bytearray(max(map(len, cells)))
    for column, cell in enumerate(cells):
        factor = slow_coefficient(shard, column)
        for at, byte in enumerate(cell):
            out[at] ^= slow(factor, byte)
    return bytes(out)


def fast_parity(shard: int, cells: list[bytes]) -> bytes:
    total = 0
    for column, cell in enumerate(cells):
        total ^= galois.term(shard, column, cell)
    return total.to_bytes(max(map(len, cells)), "little")


def test_every_product_and_every_inverse() -> None:
    assert all(galois.multiply(one, other) == slow(one, other) for one in range(256) for other in range(256))
    assert all(slow(one, galois.inverse(one)) == 1 for one in range(1, 256))


# As ISA-L's own encoder gives them (pyeclib 1.8.0, isa_l_rs_cauchy, 20 + 2): the parity of one column of ones
# among columns of zeros, column by column. Fixed for ever, since files were written with them.
ISA_L = (
    "e03e4c66d872c058a0834b2a90de558047a77aba",
    "3ee0664c72d858c083a02a4bde908055a747ba7a",
)


def test_the_matrix_is_that_of_isa_l() -> None:
    for shard, row in enumerate(ISA_L):
        assert bytes(galois.coefficient(shard, column) for column in range(COLUMNS)).hex() == row
        assert bytes(slow_coefficient(shard, column) for column in range(COLUMNS)).hex() == row


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=COLUMNS))
def test_parity_is_what_slow_arithmetic_gives(cells: list[bytes]) -> None:
    for shard in (0, 1):
        assert fast_parity(shard, cells) == slow_parity(shard, cells)


@pytest.mark.parametrize(("one", "other"), list(combinations(range(COLUMNS), 2)))
def test_any_two_cells_come_back(one: int, other: int) -> None:
    cells = [bytes([column * 11 % 256, column, 255 - column]) for column in range(COLUMNS)]
    parity = [int.from_bytes(fast_parity(shard, cells), "little") for shard in (0, 1)]
    rests = []
    for shard in (0, 1):
        rest = parity[shard]
        for column, cell in enumerate(cells):
            if column not in (one, other):
                rest ^= galois.term(shard, column, cell)
        rests.append(rest)
    assert galois.solve_two((one, other), (rests[0], rests[1]), 3) == (cells[one], cells[other])
    for shard in (0, 1):
        rest = rests[shard] ^ galois.term(shard, other, cells[other])
        assert galois.solve_one(shard, one, rest, 3) == cells[one]


@given(element, some, some)
def test_what_is_multiplied_comes_back(one: int, first: int, second: int) -> None:
    cell = bytes([one])
    there = galois.times(first, cell).to_bytes(1, "little")
    assert galois.times(galois.inverse(first), there) == one
    assert galois.multiply(galois.multiply(first, second), one) == galois.multiply(
        first, galois.multiply(second, one)
    )
