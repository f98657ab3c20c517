"""A vault with one copy and its parity: what rots or goes comes back bit for bit, without another copy."""

import os
import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.damage import flip
from tests.jobs.parity_vaults import checked, parity, turned
from tests.jobs.test_protect import brought_up, files, looked_at, packs
from tests.jobs.vaults import Computer, new_vault
from vaultd.errors import Busy, Damaged, Missing
from vaultd.format.parity import Group, read_front
from vaultd.jobs.heal import heal_all
from vaultd.jobs.parity import has_parity
from vaultd.progress import Silent
from vaultd.settings import load
from vaultd.store.lock import writer_lock

FILES = 20
SIZE = (
    720_000  # eleven rows of cells, two of which may be bad in each: one for each of the 22 files of a group
)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Computer, Path]]:
    """One copy with a group of 20 packs of data, one of 20 of trees, and a few more; and what it looked
    like.
    """
    work = tmp_path_factory.mktemp("parity")
    computer = new_vault(work)
    (work / "photos").mkdir()
    computer.add(work / "photos", "photos")
    for number in range(FILES):
        (work / "photos" / f"{number:02}").write_bytes(random.Random(number).randbytes(SIZE + 999 * number))
        computer.save("photos")
    turned(computer, "main", on=True)
    for folder in ("copy", "home"):
        shutil.copytree(work / folder, work / "kept" / folder)
    yield computer, work / "kept"
    shutil.rmtree(work)


@pytest.fixture
def computer(kept: tuple[Computer, Path]) -> Computer:
    """As it was made, whatever the test before did."""
    computer, before = kept
    for folder in ("copy", "home"):
        shutil.rmtree(computer.copy.parent / folder)
        shutil.copytree(before / folder, computer.copy.parent / folder)
    return computer


def everything(copy: Path) -> dict[str, bytes]:
    return files(copy) | {f"parity/{path.name}": path.read_bytes() for path in parity(copy)}


def largest(copy: Path) -> tuple[Group, list[Path], list[Path]]:
    """The group of the packs of data: it, its packs, its parity files."""
    two = parity(copy)[-2:]
    group, _ = read_front(two[0].read_bytes())
    names = [member.digest.hex() for member in group.members]
    return group, [copy / "packs" / name[:2] / name for name in names], two


def is_as_before(computer: Computer, before: dict[str, bytes]) -> bool:
    """Every file there was stands there as it did, and both restore."""
    now = everything(computer.copy)
    return all(now.get(name) == data for name, data in before.items())


def comes_back(computer: Computer, target: Path) -> None:
    """Every file of the newest snapshot, bit for bit."""
    computer.give_back(target, "photos")
    source = computer.copy.parent / "photos"
    assert {path.name: path.read_bytes() for path in target.iterdir()} == {
        path.name: path.read_bytes() for path in source.iterdir()
    }


def heal_records(computer: Computer) -> list[dict[str, object]]:
    with computer.opened() as session:
        return [dict(record.body) for _, record in session.vault.journal.of_kind("heal")]


def test_every_pack_of_a_group_of_twenty_is_covered_for_a_tenth(computer: Computer) -> None:
    group, data, two = largest(computer.copy)
    assert len(group.members) == FILES
    weight = sum(path.stat().st_size for path in two) / sum(path.stat().st_size for path in data)
    assert 0.1 < weight < 0.12
    assert checked(computer).sound
    (copy,) = looked_at(computer).copies
    assert copy.parity is not None
    assert (copy.parity.covered, copy.exposed) == (len(packs(computer.copy)), 0)


@pytest.mark.parametrize("read_data", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_any_two_packs_that_are_gone_come_back(
    computer: Computer, tmp_path: Path, seed: int, read_data: bool
) -> None:
    before = everything(computer.copy)
    gone = random.Random(seed).sample(largest(computer.copy)[1], 2)
    for path in gone:
        path.unlink()
    report = checked(computer, read_data=read_data)
    assert (report.sound, report.unhealed, report.lost_count) == (True, [], 0)
    assert {name.rpartition("/")[2] for name in report.rebuilt} == {path.name for path in gone}
    assert is_as_before(computer, before)
    comes_back(computer, tmp_path / "back")
    (record,) = heal_records(computer)
    assert record["parity"] == record["files"] == sorted(bytes.fromhex(path.name) for path in gone)
    assert checked(computer).healed == []


def test_a_bad_byte_in_each_of_the_22_files_is_mended(computer: Computer, tmp_path: Path) -> None:
    before = everything(computer.copy)
    group, data, two = largest(computer.copy)
    for number, path in enumerate(data):
        flip(path, number // 2 * 65536 + 77 * number)
    for path in two:
        flip(path, group.begin + 10 * group.stride + group.width + 5)
    report = checked(computer)
    assert (report.sound, report.unhealed) == (True, [])
    assert len(report.rebuilt) == FILES
    assert len(report.renewed) >= 2
    assert is_as_before(computer, before)
    comes_back(computer, tmp_path / "back")
    assert len(list((computer.copy / "quarantine").iterdir())) == FILES + 2


@pytest.mark.parametrize("at", [0, 8, 20, 1000, 1030])
def test_a_damaged_beginning_of_one_parity_file_does_not_matter(
    computer: Computer, at: int, tmp_path: Path
) -> None:
    before = everything(computer.copy)
    _, data, two = largest(computer.copy)
    flip(two[1], at)
    data[3].unlink()
    flip(data[4])
    (computer.home.fronts_file).unlink()
    report = checked(computer)
    assert (report.sound, len(report.rebuilt)) == (True, 2)
    assert is_as_before(computer, before)


def test_of_three_that_are_gone_it_says_so_and_writes_nothing_wrong(computer: Computer) -> None:
    before = everything(computer.copy)
    _, data, _ = largest(computer.copy)
    gone = {f"packs/{path.name[:2]}/{path.name}" for path in data[:3]}
    for path in data[:3]:
        path.unlink()
    report = checked(computer)
    assert not report.sound
    assert {(type(error), getattr(error, "name", "")) for error in report.damage} == {
        (Missing, name) for name in gone
    }
    assert {getattr(error, "name", "") for error in report.unhealed} == gone
    assert report.rebuilt == []
    # Each of the files that lay in them, in each snapshot that has it.
    paths = {lost.path for lost in report.lost}
    assert len(paths) == 3
    assert {name: data for name, data in everything(computer.copy).items() if name in before} == {
        name: data for name, data in before.items() if name not in gone
    }


def test_what_was_saved_anew_is_not_waited_for(computer: Computer, tmp_path: Path) -> None:
    """Too many packs were lost, and the source still had all of it."""
    _, data, two = largest(computer.copy)
    for path in data[:3]:
        path.unlink()
    assert not checked(computer).sound
    assert two[0].exists()
    computer.save("photos")
    brought_up(computer)
    report = checked(computer)
    assert (report.sound, report.unhealed, report.lost_count) == (True, [], 0)
    assert report.parity is not None
    assert report.parity.whole
    assert not two[0].exists()  # those that were with the lost ones are in other groups
    assert checked(computer).damage == []
    comes_back(computer, tmp_path / "back")


@pytest.mark.parametrize("read_data", [True, False])
def test_a_parity_file_that_is_gone_is_made_anew(computer: Computer, read_data: bool) -> None:
    before = everything(computer.copy)
    parity(computer.copy)[-1].unlink()
    parity(computer.copy)[0].unlink()
    report = checked(computer, heals=False)
    assert report.sound
    assert report.parity is not None
    assert not report.parity.whole
    assert looked_at(computer).worst
    report = checked(computer, read_data=read_data)
    assert (report.sound, len(report.renewed)) == (True, 4)
    assert report.parity is not None
    assert report.parity.whole
    assert everything(computer.copy).items() >= before.items()
    assert checked(computer).renewed == []


def test_a_damaged_parity_file_is_told_and_made_anew(computer: Computer) -> None:
    before = everything(computer.copy)
    flip(parity(computer.copy)[-1])
    report = checked(computer, heals=False)
    assert [type(error) for error in report.damage] == [Damaged]
    assert checked(computer, heals=False, read_data=False).sound
    report = checked(computer)
    assert (report.sound, report.unhealed) == (True, [])
    assert report.renewed
    assert is_as_before(computer, before)


def test_mending_all_of_a_copy_mends_its_parity_too(computer: Computer) -> None:
    before = everything(computer.copy)
    _, data, two = largest(computer.copy)
    flip(data[0])
    flip(two[0])
    with computer.opened(writing=True) as session:
        healed = heal_all(session, session.place, Silent(), lambda: None)
    assert (healed.left, len(healed.rebuilt)) == ([], 1)
    assert is_as_before(computer, before)


def test_what_was_remembered_of_parity_may_rot(computer: Computer) -> None:
    """Every byte of that file may be another one, or all of it gone: it is read again from the copy."""
    whole = computer.home.fronts_file.read_bytes()
    chosen = random.Random(5)
    for _ in range(40):
        flip(computer.home.fronts_file, chosen.randrange(len(whole)))
        (copy,) = looked_at(computer).copies
        assert copy.exposed == 0
    with closing(sqlite3.connect(computer.home.fronts_file)) as db:
        db.execute("UPDATE fronts SET front = 'text', name = name")
        db.commit()
    assert looked_at(computer).copies[0].exposed == 0
    computer.home.fronts_file.write_bytes(b"nothing of a database" * 100)
    assert looked_at(computer).copies[0].exposed == 0


def test_while_another_process_writes_nothing_is_rebuilt(computer: Computer) -> None:
    largest(computer.copy)[1][0].unlink()
    with writer_lock(computer.home.lock_file):
        report = checked(computer)
    assert [type(error) for error in report.unhealed] == [Busy]
    assert checked(computer).sound


def test_a_snapshot_covers_what_it_adds(computer: Computer) -> None:
    old = set(parity(computer.copy))
    (computer.copy.parent / "photos" / "new").write_bytes(os.urandom(2000))
    try:
        computer.save("photos")
        assert looked_at(computer).copies[0].exposed
        reached = brought_up(computer)
    finally:
        (computer.copy.parent / "photos" / "new").unlink()
    assert (reached.parity[0].error, reached.parity[0].amiss) == (None, False)
    assert reached.parity[0].names
    assert not looked_at(computer).copies[0].exposed
    assert old & set(parity(computer.copy))  # groups that are full stay as they are


def test_off_removes_parity_and_nothing_else(computer: Computer) -> None:
    before = files(computer.copy)
    turned(computer, "main", on=False)
    assert parity(computer.copy) == []
    assert files(computer.copy) == before
    assert checked(computer).parity is None
    assert not has_parity(load(computer.home).copies[0])
    brought_up(computer)
    assert parity(computer.copy) == []


def test_off_keeps_what_a_pack_that_is_gone_needs(computer: Computer) -> None:
    _, data, two = largest(computer.copy)
    data[0].unlink()
    turned(computer, "main", on=False)
    assert parity(computer.copy) == two
    report = checked(computer)  # nobody keeps it up any more, and it helps nevertheless
    assert (report.sound, len(report.rebuilt)) == (True, 1)


def test_a_stranger_restores_from_a_copy_with_parity(computer: Computer, tmp_path: Path) -> None:
    computer.recovered(tmp_path / "back")
    assert checked(computer).strangers == 0
