"""Any two files of a group come back, and in each row of cells any two, bit for bit."""

import random
from itertools import combinations
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.jobs.paritied import CELL, Packs
from vaultd.copies.memory import MemoryCopy
from vaultd.errors import Unreachable
from vaultd.format.limits import PARITY_FRONT
from vaultd.format.parity import Parity, read_front
from vaultd.ids import parity_name

SMALL = [5000 + 37 * number for number in range(20)]
LONG = [2 * CELL + 100 + 1000 * number for number in range(20)]


@pytest.fixture
def packs(tmp_path: Path) -> Packs:
    packs = Packs(tmp_path / "fronts")
    packs.add(*SMALL)
    packs.cover()
    assert packs.groups() == [20]
    return packs


@pytest.fixture
def long(tmp_path: Path) -> Packs:
    packs = Packs(tmp_path / "fronts")
    packs.add(*LONG)
    packs.cover()
    assert packs.groups() == [20]
    return packs


def names(packs: Packs) -> list[str]:
    return sorted(name for name in packs.files if name.startswith("packs/"))


def test_any_two_files_of_a_group_come_back(packs: Packs) -> None:
    before = dict(packs.files)
    everything = [*names(packs), *packs.parity()]
    for gone in combinations(everything, 2):
        for name in gone:
            del packs.files[name]
        lost = {name for name in gone if name.startswith("packs/")}
        assert packs.rebuild(*lost) == lost
        packs.cover()
        assert packs.files == before, gone


def test_of_three_nothing_comes_back_and_nothing_wrong_is_given(packs: Packs) -> None:
    gone = names(packs)[3:6]
    for name in gone:
        del packs.files[name]
    before = dict(packs.files)
    assert packs.rebuild(*gone) == set()
    assert packs.files == before


def test_a_third_that_is_only_damaged_comes_back_where_the_other_two_are_right(long: Packs) -> None:
    """Row 0: two damaged. Row 1: two others. Row 2: one, and a parity cell."""
    before, some = dict(long.files), names(long)
    long.flip(some[0], 5)
    long.flip(some[1], 6)
    long.flip(some[2], CELL + 5)
    long.flip(some[0], CELL + 5)
    long.flip(some[3], 2 * CELL + 5)
    long.flip(long.parity()[0], len(long.files[long.parity()[0]]) - 1)
    assert long.rebuild(*some[:4]) == set(some[:4])
    assert {name: long.files[name] for name in some} == {name: before[name] for name in some}


def test_three_in_a_row_are_lost_and_the_others_come_back(long: Packs) -> None:
    before, some = dict(long.files), names(long)
    for name in some[:3]:
        long.flip(name, CELL + 7)
    for name in some[3:5]:
        long.flip(name, 2 * CELL + 7)
    assert long.rebuild(*some) == set(some[3:])  # those that are right are given as well
    assert [long.files[name] == before[name] for name in some] == [False] * 3 + [True] * 17


def scatter(packs: Packs, chosen: random.Random) -> None:
    """Damage two cells of each row, wherever they are: beginnings of rows of parity files included."""
    group, _ = read_front(packs.files[packs.parity()[0]])
    files = [
        *(f"packs/{each.digest.hex()[:2]}/{each.digest.hex()}" for each in group.members),
        *packs.parity(),
    ]
    for row in range(group.rows):
        there = [
            column
            for column, name in enumerate(files)
            if column >= len(group.members) or row * CELL < len(packs.files[name])
        ]
        for column in chosen.sample(there, 2):
            start = row * CELL if column < len(group.members) else group.begin + row * group.stride
            length = CELL if column < len(group.members) else group.stride
            end = min(start + length, len(packs.files[files[column]]))
            at = chosen.randrange(start, end)
            packs.flip(files[column], at, min(end - at, chosen.choice([1, 512, 4096])))


@pytest.mark.parametrize("seed", range(12))
def test_bad_sectors_all_over_the_files_are_mended(long: Packs, seed: int) -> None:
    before, some = dict(long.files), names(long)
    scatter(long, random.Random(seed))
    assert long.rebuild(*some) == set(some)
    assert {name: long.files[name] for name in some} == {name: before[name] for name in some}


def test_one_bad_byte_in_each_of_all_22_files_is_mended(tmp_path: Path) -> None:
    packs = Packs(tmp_path / "fronts")
    packs.add(*(11 * CELL + number for number in range(20)))
    packs.cover()
    before, some = dict(packs.files), names(packs)
    for number, name in enumerate(some):
        packs.flip(name, number // 2 * CELL + 99 * number)
    group, _ = read_front(packs.files[packs.parity()[0]])
    for name in packs.parity():
        packs.flip(name, group.begin + 10 * group.stride + 17)  # in the hashes of the row on both sides
    assert packs.rebuild(*some) == set(some)
    assert {name: packs.files[name] for name in some} == {name: before[name] for name in some}


@pytest.mark.parametrize("cache", [True, False])
@pytest.mark.parametrize("size", [1, 16, PARITY_FRONT, PARITY_FRONT + 64])
def test_a_parity_file_without_its_beginning_still_gives_its_cells(
    packs: Packs, tmp_path: Path, size: int, cache: bool
) -> None:
    before, some = dict(packs.files), names(packs)
    if not cache:
        packs.fronts = tmp_path / "other"
    packs.flip(bad := packs.parity()[1], 0, size)
    for name in some[:2]:
        del packs.files[name]
    assert packs.rebuild(*some[:2]) == set(some[:2])
    packs.cover(bad)
    assert {name: data for name, data in packs.files.items() if name in before} == before


def test_what_was_remembered_helps_where_both_beginnings_are_gone(packs: Packs, tmp_path: Path) -> None:
    some = names(packs)
    for name in packs.parity():
        packs.flip(name, 0, 900)
    del packs.files[some[0]]
    assert packs.rebuild(some[0]) == {some[0]}
    del packs.files[some[0]]
    packs.fronts = tmp_path / "other"
    assert packs.rebuild(some[0]) == set()


@pytest.mark.parametrize("size", [0, 1, 4999, 5001, 70_000])
def test_a_pack_of_another_length_comes_back(packs: Packs, size: int) -> None:
    before = dict(packs.files)
    name = names(packs)[7]
    packs.files[name] = packs.files[name][:size].ljust(size, b"x")
    assert packs.rebuild(name) == {name}
    assert {each: data for each, data in packs.files.items() if each in before} == before


def test_two_groups_that_share_packs_help_one_another(packs: Packs, tmp_path: Path) -> None:
    """What two computers leave that made parity at the same time."""
    more = packs.add(*SMALL[:4], seed=1)
    packs.cover()
    for name in more:
        del packs.files[name]
    second = Packs(tmp_path / "second")
    second.files.update({name: packs.files[name] for name in names(packs)[:2]})
    third = second.add(5555, seed=2)
    second.cover()
    packs.files.update({name: second.files[name] for name in second.parity()})
    packs.files[third[0]] = second.files[third[0]]
    gone = names(second)[:2] + [name for name in names(packs) if name not in second.files][:1]
    gone = [name for name in gone if name not in third][:1] + gone[-1:]
    before = dict(packs.files)
    for name in gone:
        del packs.files[name]
    assert packs.rebuild(*gone) == set(gone)
    assert packs.files == before


def test_a_hostile_parity_file_gives_nothing(packs: Packs, tmp_path: Path) -> None:
    """Its hashes fit its cells, and they are not those of the packs."""
    other = Packs(tmp_path / "second")
    some = names(packs)
    for name in some:
        other.files[name] = packs.files[name]
    other.files[some[0]] = b"\0" * len(other.files[some[0]])
    other.copy.fetch = lambda name: other.files[name]  # type: ignore[method-assign]
    other.cover()
    for name in packs.parity():
        del packs.files[name]
    packs.files.update({name: other.files[name] for name in other.parity()})
    del packs.files[some[0]]
    assert packs.rebuild(some[0]) == set()


@pytest.mark.parametrize("shard", [0, 1])
def test_where_memory_failed_while_one_parity_file_was_made_the_other_helps(
    tmp_path: Path, shard: int
) -> None:
    packs, parity = Packs(tmp_path / "fronts"), Parity()
    some = packs.add(*SMALL[:5])
    for name in some:
        parity.add(bytes.fromhex(name[-64:]), packs.files[name])
    parity._sums[shard][0] ^= 1 << 777
    packs.files.update((parity_name(blake3(file).digest()), bytes(file)) for file in parity.files())
    before = dict(packs.files)
    del packs.files[some[2]]
    assert packs.rebuild(some[2]) == {some[2]}
    assert packs.files == before
    for name in some[1:3]:
        del packs.files[name]
    assert packs.rebuild(*some[1:3]) == set()


class BadSectors(MemoryCopy):
    """Some ranges of some files cannot be read; `away`: nothing can."""

    bad: dict[str, tuple[int, int]]
    away = False

    def get(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        start, end = self.bad.get(name, (0, 0))
        if self.away or (start < end and offset < end and (length is None or offset + length > start)):
            raise Unreachable(self.label, "EIO")
        return super().get(name, offset, length)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 20 * CELL), st.integers(1, CELL))
def test_sectors_that_cannot_be_read_are_bad_cells(at: int, size: int) -> None:
    copy = BadSectors(b"v" * 16, b"c" * 16, "main")
    copy.bad = {}
    packs = Packs(None, copy)
    some = packs.add(*(18 * CELL + number for number in range(3)))
    packs.cover()
    before = dict(packs.files)
    copy.bad = {some[1]: (at, at + size)}
    if at < len(before[some[1]]):
        assert packs.rebuild(some[1]) == {some[1]}
    assert packs.files == before
    copy.away = True
    with pytest.raises(Unreachable):
        packs.rebuild(some[1])
