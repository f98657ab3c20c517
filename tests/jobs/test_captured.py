"""No copy can be reached: what is new is captured on this computer, and comes to the copy that is back."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.damage import flip
from tests.disks import Disk
from tests.jobs.test_fallback import Both, devices, is_sound
from tests.jobs.test_protect import brought_up, saved, two_copies
from tests.jobs.vaults import Computer, new_vault
from vaultd.copies.directory import DirectoryCopy
from vaultd.errors import OnlyThere, SpoolFull, Unreachable
from vaultd.jobs.enrolling import retire_copy
from vaultd.jobs.level import CAPTURED, PROTECTED, SAVED
from vaultd.jobs.protect import Reached, protect
from vaultd.jobs.spool import captured
from vaultd.jobs.status import status
from vaultd.progress import Silent
from vaultd.settings import load, save


class Lonely:
    """A computer with one copy, which can be taken away, and its folder."""

    def __init__(self, work: Path) -> None:
        self.computer = new_vault(work)
        self.photos = work / "photos"
        for folder in ("2019", "2020/may"):
            (self.photos / folder).mkdir(parents=True)
        for name in ("2019/a", "2019/b", "2020/may/c"):
            (self.photos / name).write_bytes(os.urandom(5000))
        self.computer.add(self.photos, "photos")
        self.computer.save("photos")

    def take_away(self) -> None:
        self.computer.copy.rename(self.computer.copy.with_name("away"))

    def bring_back(self) -> None:
        self.computer.copy.with_name("away").rename(self.computer.copy)

    @property
    def spool(self) -> Path:
        return next(self.computer.home.state.glob("spool-*"))

    def waiting(self) -> list[Path]:
        return [
            path for name in ("packs", "log") for path in (self.spool / name).rglob("*") if path.is_file()
        ]

    def is_back_whole(self, target: Path) -> bool:
        """All captured is on the copy, nothing waits, the log has no fork, and the newest state is right."""
        assert self.waiting() == []
        chains = devices(self.computer)
        assert len(chains) == 1
        assert self.computer.checked().sound
        self.computer.give_back(target)
        names = [path.relative_to(target) for path in target.rglob("*") if path.is_file()]
        assert all((target / name).read_bytes() == (self.photos / name).read_bytes() for name in names)
        return len(names) == sum(path.is_file() for path in self.photos.rglob("*"))


@pytest.fixture
def lonely(tmp_path: Path) -> Lonely:
    return Lonely(tmp_path)


def captured_now(computer: Computer) -> Reached:
    with computer.opened(writing=True, away=True) as session:
        assert session.away
        return protect(session, Silent(), lambda: None)


def test_changes_are_captured_without_a_copy_and_come_to_it(lonely: Lonely, tmp_path: Path) -> None:
    computer = lonely.computer
    lonely.take_away()
    (lonely.photos / "2019/a").unlink()
    (lonely.photos / "2020/may/d").write_bytes(b"new" * 4000)
    assert computer.save("photos", away=True).trouble_count == 0
    (lonely.photos / "2020/june").mkdir()
    (lonely.photos / "2020/june/e").write_bytes(b"newer" * 4000)
    computer.save("photos", away=True)
    assert captured_now(computer).level == CAPTURED
    assert lonely.waiting()
    lonely.bring_back()
    with computer.opened(writing=True) as session:
        assert session.delivered >= 4
        assert not session.away
    assert [each.body.counts["files"] for each in computer.snapshots()] == [3, 3, 4]
    assert lonely.is_back_whole(tmp_path / "back")
    computer.give_back(tmp_path / "deleted", path=b"2019/a", deleted=True)
    assert (tmp_path / "deleted/a").stat().st_size == 5000


def test_what_waits_can_be_read_and_is_called_captured(lonely: Lonely, tmp_path: Path) -> None:
    computer = lonely.computer
    lonely.take_away()
    (lonely.photos / "d").write_bytes(b"new" * 4000)
    taken = computer.save("photos", away=True)
    with computer.opened(away=True) as session:
        assert [each.level for each in status(session).sources] == [CAPTURED]
        assert status(session).worst
    lonely.bring_back()
    with computer.opened() as session:  # who only reads brings nothing
        assert captured(session) == {taken.snapshot.id}
        assert status(session).level == CAPTURED
        assert [each.level for each in status(session).sources] == [CAPTURED]
    computer.give_back(tmp_path / "back")
    assert (tmp_path / "back/d").read_bytes() == b"new" * 4000
    with computer.opened(writing=True):
        pass
    with computer.opened() as session:
        assert status(session).level == SAVED


def test_no_more_waits_than_may(lonely: Lonely, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    computer, settings = lonely.computer, load(lonely.computer.home)
    save(computer.home, replace(settings, spool_gib=0))
    lonely.take_away()
    with pytest.raises(Unreachable):
        computer.save("photos", away=True)
    save(computer.home, replace(settings, spool_gib=1))
    monkeypatch.setattr("vaultd.jobs.spool._GIB", 1 << 20)
    (lonely.photos / "large").write_bytes(os.urandom(2 << 20))
    with pytest.raises(SpoolFull):
        computer.save("photos", away=True)
    (lonely.photos / "large").unlink()
    (lonely.photos / "small").write_bytes(b"x")
    computer.save("photos", away=True)
    lonely.bring_back()
    computer.save("photos")
    assert lonely.is_back_whole(tmp_path / "back")


def test_bringing_it_goes_on_where_it_stopped(
    lonely: Lonely, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    computer = lonely.computer
    lonely.take_away()
    for name in "def":
        (lonely.photos / name).write_bytes(os.urandom(5000))
        computer.save("photos", away=True)
    lonely.bring_back()
    real, left, stopped = DirectoryCopy.put, [0], 0

    def one(copy: DirectoryCopy, name: str, data: bytes) -> None:
        if not left[0] and copy.copy_id == computer_copy:
            raise Unreachable(copy.label, "gone")
        left[0] -= 1
        real(copy, name, data)

    with computer.opened() as session:
        computer_copy = session.vault.copy.copy_id
    monkeypatch.setattr(DirectoryCopy, "put", one)
    for _ in range(40):
        left[0] = 1
        try:
            with computer.opened(writing=True):
                break
        except Unreachable:
            stopped += 1
            assert computer.checked().sound
    monkeypatch.undo()
    assert stopped >= 8  # two packs and a record of each
    assert len(computer.snapshots()) == 4
    assert lonely.is_back_whole(tmp_path / "back")


def test_what_was_taken_away_from_the_spool_is_captured_again(lonely: Lonely, tmp_path: Path) -> None:
    computer = lonely.computer
    lonely.take_away()
    (lonely.photos / "d").write_bytes(os.urandom(9000))
    computer.save("photos", away=True)
    shutil.rmtree(lonely.spool / "packs")
    (lonely.photos / "e").write_bytes(b"e")
    computer.save("photos", away=True)
    lonely.bring_back()
    with computer.opened(writing=True):
        pass
    computer.give_back(tmp_path / "back")
    assert (tmp_path / "back/d").read_bytes() == (lonely.photos / "d").read_bytes()


def test_without_the_pages_nothing_is_captured(lonely: Lonely) -> None:
    computer = lonely.computer
    lonely.take_away()
    shutil.rmtree(next(computer.home.state.glob("pages-*")))
    with pytest.raises(Unreachable):
        computer.save("photos", away=True)


def captured_beside_two_copies(work: Path, disk: Disk) -> tuple[Computer, Both]:
    """One file is saved on both copies, and one is captured while both are away."""
    computer = two_copies(work, disk.path / "vault")
    saved(computer, "a")
    both = Both(computer, disk)
    both.only()
    (work / "photos/b").write_bytes(os.urandom(3000))
    computer.save("photos", away=True)
    return computer, both


def test_another_copy_that_comes_first_goes_on_and_all_meet_in_the_end(tmp_path: Path, disk: Disk) -> None:
    computer, both = captured_beside_two_copies(tmp_path, disk)
    assert captured_now(computer).highest in (SAVED, PROTECTED)
    both.only("second")
    saved(computer, "c")
    both.only("main", "second")
    assert brought_up(computer).level == PROTECTED
    saved(computer, "d")
    assert [each.body.counts["files"] for each in computer.snapshots()] == [1, 2, 3, 4]
    assert computer.checked().sound
    assert is_sound(computer, both)


def test_a_copy_for_which_something_waits_is_not_given_up_unasked(tmp_path: Path, disk: Disk) -> None:
    computer, both = captured_beside_two_copies(tmp_path, disk)
    both.only("second")
    with computer.opened(writing=True) as session:
        main = session.others[0]
        with pytest.raises(OnlyThere) as told:
            retire_copy(session, main)
        assert told.value.files == 3  # two packs and a record
        retire_copy(session, main, force=True)


def test_what_rotted_on_the_copy_meanwhile_is_written_there_again(lonely: Lonely, tmp_path: Path) -> None:
    computer = lonely.computer
    lonely.take_away()
    (lonely.photos / "d").write_bytes(os.urandom(9000))
    computer.save("photos", away=True)
    lonely.bring_back()
    spooled = shutil.copytree(lonely.spool, tmp_path / "as it was")
    with computer.opened(writing=True):
        pass
    name = lonely.spool.name
    shutil.rmtree(lonely.spool)  # a computer that was killed before it let go of what it brought
    spooled.rename(computer.home.state / name)
    for pack in (computer.home.state / name / "packs").rglob("*"):
        if pack.is_file():
            flip(computer.copy / "packs" / pack.parent.name / pack.name)
    with computer.opened(writing=True):
        pass
    assert lonely.is_back_whole(tmp_path / "back")
