"""Parity files say what they are of, and nothing they say is believed without its hash."""

import random
import struct

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.format.test_galois import slow_coefficient, slow_parity
from vaultd.errors import Refused
from vaultd.format.limits import PARITY_CELL, PARITY_FRONT
from vaultd.format.parity import Member, Parity, begins_well, digest, read_front, split

PACKS = [random.Random(number).randbytes(700 + 30 * number) for number in range(20)]
LONG = [random.Random(number).randbytes(PARITY_CELL * 2 + 5 * number) for number in range(3)]


def made(packs: list[bytes]) -> tuple[bytes, bytes]:
    parity = Parity()
    for pack in packs:
        parity.add(blake3(pack).digest(), pack)
    one, other = map(bytes, parity.files())
    return one, other


def test_every_byte_of_a_parity_file_is_where_the_page_says() -> None:
    """docs/format.md, section 14, once more by hand."""
    for shard, file in enumerate(made(PACKS)):
        front = b"VAULTPX1" + bytes([shard, 20, 2, 20]) + struct.pack("<I", 65536)
        front += b"".join(blake3(pack).digest() + struct.pack("<Q", len(pack)) for pack in PACKS)
        front = front.ljust(992, b"\0")
        zero = bytearray(front)
        zero[8] = 0
        cells = [*PACKS, *(slow_parity(each, PACKS) for each in (0, 1))]
        table = b"".join(blake3(cell).digest() for cell in cells)
        digests = blake3(table).digest()
        seal = blake3(zero + blake3(zero).digest() + digests).digest()
        expected = front + blake3(front).digest() + digests + seal + table + cells[20 + shard]
        assert file == expected


def test_a_long_pack_is_cut_into_rows_whose_last_is_short() -> None:
    one, other = made(LONG)
    group, _ = read_front(one)
    assert (group.rows, group.length, len(one)) == (3, 2 * PARITY_CELL + 10, group.file_length)
    for shard, file in enumerate((one, other)):
        digests = group.read_digests(file[PARITY_FRONT : group.begin])
        assert digests is not None
        for row in range(3):
            at = group.begin + row * group.stride
            table = file[at : at + group.width]
            cell = file[at + group.width : at + group.width + group.cell_length(row)]
            parts = [pack[row * PARITY_CELL : (row + 1) * PARITY_CELL] for pack in LONG]
            assert digest(table) == digests[row]
            assert split(table) == [
                *map(digest, parts),
                *(
                    digest(each[at : at + group.stride][group.width :][: group.cell_length(row)])
                    for each in (one, other)
                ),
            ]
            for place in (0, len(cell) - 1):  # the last bytes of some packs, and zeros for the others
                terms = ((column, part[place]) for column, part in enumerate(parts) if place < len(part))
                total = 0
                for column, byte in terms:
                    total ^= slow_parity(shard, [b"\0"] * column + [bytes([byte])])[0]
                assert cell[place] == total
    assert slow_coefficient(0, 0) == 0xE0


@settings(max_examples=25)
@given(st.permutations(range(20)), st.integers(0, 20))
def test_adding_to_a_group_gives_what_making_it_at_once_gives(order: list[int], first: int) -> None:
    packs = [PACKS[number] for number in order]
    if first:
        parity = Parity.of(made(packs[:first]))
        for pack in packs[first:]:
            parity.add(blake3(pack).digest(), pack)
        assert tuple(map(bytes, parity.files())) == made(packs)


def test_a_longer_pack_can_be_added() -> None:
    parity = Parity.of(made(PACKS[:2]))
    parity.add(blake3(LONG[0]).digest(), LONG[0])
    assert tuple(map(bytes, parity.files())) == made([*PACKS[:2], LONG[0]])


@given(st.integers(0, PARITY_FRONT - 1), st.integers(1, 255))
def test_a_changed_front_is_refused(at: int, flip: int) -> None:
    front = bytearray(made(PACKS[:3])[0][:PARITY_FRONT])
    front[at] ^= flip
    with pytest.raises(Refused):
        read_front(bytes(front))
    assert not begins_well(bytes(front), len(made(PACKS[:3])[0]))


def sealed(front: bytes) -> bytes:
    return front + blake3(front).digest()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ((8, 2), "limit"),  # a third parity file
        ((9, 21), "limit"),
        ((10, 3), "limit"),
        ((11, 0), "limit"),
        ((11, 21), "limit"),
        ((13, 1), "limit"),  # another length of cells
        ((11, 4), "limit"),  # a member of no length
        ((991, 1), "shape"),  # bytes beyond the last member
        ((16 + 32 + 4, 1), "limit"),  # 4 GiB
        ((0, 0), "magic"),
    ],
)
def test_a_front_that_no_program_writes_is_refused(change: tuple[int, int], word: str) -> None:
    front = bytearray(made(PACKS[:3])[0][: PARITY_FRONT - 32])
    front[change[0]] = change[1]
    with pytest.raises(Refused, match=word):
        read_front(sealed(bytes(front)))


def test_one_pack_twice_and_a_short_front_are_refused() -> None:
    parity = Parity()
    for _ in range(2):
        parity.add(b"d" * 32, b"same")
    with pytest.raises(Refused, match="shape"):
        read_front(bytes(next(iter(parity.files()))))
    with pytest.raises(Refused, match="truncated"):
        read_front(made(PACKS[:1])[0][:-1][: PARITY_FRONT - 1])


@given(st.binary(max_size=PARITY_FRONT + 10))
def test_anything_else_is_refused_and_nothing_but_refused(data: bytes) -> None:
    with pytest.raises(Refused):
        read_front(data)
    with pytest.raises(Refused):
        read_front(sealed((b"VAULTPX1" + data)[: PARITY_FRONT - 32].ljust(PARITY_FRONT - 32, b"\0")))


def test_hashes_of_rows_count_for_their_group_only() -> None:
    ours, theirs = made(PACKS[:3])[0], made(PACKS[3:6])[0]
    group, shard = read_front(ours)
    assert shard == 0
    assert group.members[0] == Member(blake3(PACKS[0]).digest(), len(PACKS[0]))
    assert group.read_digests(ours[PARITY_FRONT : group.begin]) is not None
    assert group.read_digests(theirs[PARITY_FRONT : group.begin]) is None
    assert group.read_digests(b"") is None


def test_files_that_do_not_belong_together_are_refused() -> None:
    one, other = made(PACKS[:3])
    for files in ((other, one), (one, one), (one, made(PACKS[:4])[1])):
        with pytest.raises(Refused, match="shape"):
            Parity.of(files)
    with pytest.raises(Refused, match="length"):
        Parity.of((one, other[:-1]))
