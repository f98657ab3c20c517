"""Parity belongs to one copy: beside other copies, and when whoever makes it is killed."""

import os
import random
import shutil
from pathlib import Path

import pytest

from tests.damage import flip
from tests.disks import Disk
from tests.jobs.killed import dies
from tests.jobs.parity_vaults import checked, parity, turned
from tests.jobs.test_protect import brought_up, files, looked_at, packs, saved, two_copies
from tests.jobs.vaults import Computer, new_vault
from vaultd.copies.contract import Buffer
from vaultd.copies.directory import DirectoryCopy
from vaultd.copies.locating import Location
from vaultd.errors import Full, LostTooMuch
from vaultd.jobs.check_trees import Trees
from vaultd.jobs.enrolling import add_copy, find_copy, retire_copy
from vaultd.jobs.heal import accept, heal_all
from vaultd.jobs.level import PROTECTED
from vaultd.jobs.parity import has_parity, set_parity
from vaultd.jobs.protect import Reached, protect
from vaultd.jobs.sync import catch_up
from vaultd.progress import Silent
from vaultd.settings import load


@pytest.fixture
def small(tmp_path: Path) -> Computer:
    """One copy, one small snapshot, and parity."""
    computer = new_vault(tmp_path)
    (tmp_path / "photos").mkdir()
    computer.add(tmp_path / "photos", "photos")
    (tmp_path / "photos" / "a").write_bytes(os.urandom(3000))
    computer.save("photos")
    turned(computer, "main", on=True)
    return computer


EVENTS = ("os.rename", "os.mkdir", "open", "os.link", "os.remove", "sqlite3.connect")
KILLED = """
from tests.jobs.vaults import Computer
from vaultd.settings import find_home
from vaultd.progress import Silent
from vaultd.settings import load
import vaultd.jobs.parity as parity
home, copy, key = sys.argv[2:]
with Computer(find_home(home), Path(copy), Path(key)).opened(writing=True) as session:
    sys.addaudithook(count)
    parity.cover_copies(session, Silent(), lambda: None)
"""


def test_killed_at_any_step_parity_is_usable_and_the_next_run_finishes(
    small: Computer, tmp_path: Path
) -> None:
    """A group that is not full is made again with one pack more, over and over."""
    computer, died = small, 0
    for at in range(1, 40, 4):
        covered = packs(computer.copy)
        (tmp_path / "photos" / "a").write_bytes(os.urandom(3000))
        computer.save("photos")
        before = files(computer.copy)
        died += dies(KILLED, EVENTS, at, tmp_path / "home", computer.copy, computer.key)
        gone = random.Random(at).sample(covered, 2)
        for path in gone:
            path.unlink()
        report = checked(computer, read_data=False)
        assert (report.sound, len(report.rebuilt)) == (True, 2), at
        assert report.parity is not None
        assert report.parity.whole
        assert before.items() <= files(computer.copy).items()
    assert died >= 7
    assert checked(computer).sound


def test_without_room_for_parity_it_says_so_and_saves_all_the_same(
    small: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = DirectoryCopy.put

    def full(self: DirectoryCopy, name: str, data: Buffer) -> None:
        if name.startswith("parity/"):
            raise Full("main")
        put(self, name, data)

    monkeypatch.setattr(DirectoryCopy, "put", full)
    before = parity(small.copy)
    (small.copy.parent / "photos" / "new").write_bytes(os.urandom(2000))
    small.save("photos")
    reached = brought_up(small)
    assert [type(each.error) for each in reached.parity] == [Full]
    assert parity(small.copy) == before
    assert checked(small, heals=False).sound


def test_what_could_not_be_put_back_now_is_waited_for(
    small: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No path misses the pack, but it can be rebuilt once there is room."""
    (small.copy.parent / "photos" / "a").write_bytes(os.urandom(3000))
    small.save("photos")
    turned(small, "main", on=True)
    before, put = packs(small.copy), DirectoryCopy.put

    def full(self: DirectoryCopy, name: str, data: Buffer) -> None:
        if name.startswith("packs/"):
            raise Full("main")
        put(self, name, data)

    monkeypatch.setattr("vaultd.jobs.check_trees.Trees.of", lambda *_: Trees())
    monkeypatch.setattr(DirectoryCopy, "put", full)
    before[0].unlink()
    report = checked(small)
    assert Full in {type(error) for error in report.unhealed}
    assert not report.sound
    monkeypatch.undo()
    assert len(checked(small).rebuilt) == 1
    assert sorted(packs(small.copy)) == sorted(before)


def test_another_computer_goes_on_with_it(small: Computer, tmp_path: Path) -> None:
    other = small.another(tmp_path / "other")
    assert has_parity(load(other.home).copies[0])
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a").write_bytes(os.urandom(5000))
    other.add(tmp_path / "notes", "notes")
    other.save("notes")
    brought_up(other)
    assert not looked_at(small).copies[0].exposed
    assert checked(small).sound


def added(computer: Computer, where: Path, *, parity: bool) -> Reached:
    with computer.opened(writing=True) as session:
        add_copy(session, Location(str(where)), "second", parity=parity)
        return protect(session, Silent(), lambda: None)


def test_parity_belongs_to_one_copy_and_is_never_replicated(small: Computer, tmp_path: Path) -> None:
    computer = small
    added(computer, tmp_path / "second", parity=False)
    assert not (tmp_path / "second" / "parity").exists()
    assert files(computer.copy).keys() >= files(tmp_path / "second").keys()
    assert [copy.behind for copy in looked_at(computer).copies] == [0, 0]
    with computer.opened(writing=True) as session:
        retire_copy(session, find_copy(session.settings, "second"))
    shutil.rmtree(tmp_path / "second")
    added(computer, tmp_path / "second", parity=True)
    turned(computer, "main", on=False)
    assert [each.place.label for each in brought_up(computer).parity] == ["second"]
    assert parity(computer.copy) == []
    assert parity(tmp_path / "second") != []
    assert [copy.behind for copy in looked_at(computer).copies] == [0, 0]
    with computer.opened() as session:
        other = DirectoryCopy.open(tmp_path / "second", None, "second")
        assert catch_up(session.vault.copy, other, Silent(), lambda: None).names == []
        other.close()


@pytest.fixture
def pair(tmp_path: Path, disk: Disk) -> Computer:
    """Two copies, protected; the second one has parity."""
    computer = two_copies(tmp_path, disk.path / "vault")
    for name in "abcdef":
        saved(computer, name)
    with computer.opened(writing=True) as session:
        set_parity(session, find_copy(session.settings, "second"), on=True)
    assert brought_up(computer).level == PROTECTED
    return computer


def test_another_copy_is_asked_first(pair: Computer, disk: Disk) -> None:
    flip(packs(disk.path / "vault")[0])
    report = checked(pair, only="second")
    assert (report.sound, len(report.healed), report.rebuilt) == (True, 1, [])


def test_what_both_have_wrong_is_rebuilt_where_there_is_parity(pair: Computer, disk: Disk) -> None:
    before = files(disk.path / "vault")
    harmed = packs(pair.copy)[0]
    flip(harmed)
    flip(disk.path / "vault" / harmed.relative_to(pair.copy))
    # Healing the first one meets the damage of the second, which its parity mends before all ends.
    assert checked(pair, only="main").healed == []
    assert checked(pair, only="second").sound
    assert before.items() <= files(disk.path / "vault").items()
    # The checks brought the copies up to one another at their end, and the first was mended from this one.
    assert checked(pair, only="main").sound
    assert before.items() <= files(pair.copy).items()
    assert brought_up(pair).level == PROTECTED


def test_a_copy_that_lost_much_takes_from_its_own_parity_only(pair: Computer, disk: Disk) -> None:
    """More than a handful: that may be another disk. What it can give itself cannot be wrong; the rest
    waits.
    """
    copy = disk.path / "vault"
    before = files(copy)
    sizes = sorted(packs(copy), key=lambda path: path.stat().st_size)
    for path in (*sizes[:2], *sizes[-2:]):
        flip(path)
    report = checked(pair, only="second")
    assert (report.sound, report.unhealed, len(report.rebuilt)) == (True, [], 4)
    assert before.items() <= files(copy).items()
    for path in sizes[-5:]:
        flip(path)
    report = checked(pair, only="second")
    assert [type(error) for error in report.unhealed] == [LostTooMuch]
    assert not report.sound
    with pair.opened(writing=True) as session:
        place = find_copy(session.settings, "second")
        accept(session, place.copy_id)
        assert heal_all(session, place, Silent(), lambda: None).left == []
    assert before.items() <= files(copy).items()
