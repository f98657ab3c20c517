"""Two copies on two disks: what is called protected was read back from both, and whatever is not, is told."""

import os
from contextlib import closing
from pathlib import Path

import pytest

from tests.damage import flip
from tests.disks import Disk
from tests.jobs.vaults import PASSPHRASE, Computer
from vaultd.copies.locating import Location
from vaultd.credentials import Passphrase, RecoveryCode
from vaultd.errors import CopyGone, Unreachable
from vaultd.format.keys import new_master
from vaultd.format.words import ENGLISH, recovery_words
from vaultd.jobs.check import Report, check_copies
from vaultd.jobs.init import create_vault
from vaultd.jobs.keys import add_slot, remove_slot, unlock_computer
from vaultd.jobs.level import PROTECTED, SAVED
from vaultd.jobs.opening import open_for_writing
from vaultd.jobs.protect import Reached, protect
from vaultd.jobs.session import Lacks
from vaultd.jobs.status import Status, status
from vaultd.progress import Silent
from vaultd.settings import find_home
from vaultd.store.ledger import Ledger
from vaultd.tree.snapshots import list_snapshots


def two_copies(work: Path, second: Path) -> Computer:
    home, copy, master = find_home(str(work / "home")), work / "copy", new_master()
    create_vault(home, Location(str(copy)), master, PASSPHRASE, "main", second=Location(str(second)))
    with open_for_writing(home, RecoveryCode(" ".join(recovery_words(master, ENGLISH)))) as session:
        unlock_computer(session, "test")
    (work / "photos").mkdir()
    computer = Computer(home, copy, home.device_key_file)
    computer.add(work / "photos", "photos")
    return computer


@pytest.fixture
def computer(tmp_path: Path, disk: Disk) -> Computer:
    return two_copies(tmp_path, disk.path / "vault")


def brought_up(computer: Computer) -> Reached:
    with computer.opened(writing=True) as session:
        return protect(session, Silent(), lambda: None)


def saved(computer: Computer, name: str) -> Reached:
    """A new file, a snapshot, and what the other copy makes of it."""
    (computer.copy.parent / "photos" / name).write_bytes(os.urandom(3000))
    computer.save("photos")
    return brought_up(computer)


def looked_at(computer: Computer) -> Status:
    with computer.opened() as session:
        return status(session)


def files(copy: Path) -> dict[str, bytes]:
    """Whatever a copy must have in common with the others."""
    folders = [copy / name for name in ("keys", "packs", "index", "log")]
    found = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(copy)): path.read_bytes() for path in found}


def packs(copy: Path) -> list[Path]:
    return sorted(copy.glob("packs/*/*"), key=lambda path: path.stat().st_mtime_ns)


def only(copy: Path, work: Path, key: Path) -> Computer:
    """A new computer that knows nothing but this copy."""
    return Computer(find_home(str(work)), copy, key).another(work)


def test_a_snapshot_on_two_disks_is_protected_and_either_gives_it_back(
    computer: Computer, disk: Disk, tmp_path: Path
) -> None:
    reached = saved(computer, "a")
    assert (reached.level, reached.highest, reached.as_asked) == (PROTECTED, PROTECTED, True)
    assert files(computer.copy) == files(disk.path / "vault")
    assert [each.level for each in looked_at(computer).sources] == [PROTECTED]
    for copy in (computer.copy, disk.path / "vault"):
        alone = only(copy, tmp_path / f"home-{copy.name}", computer.key)
        assert alone.checked().sound
        alone.give_back(tmp_path / f"from-{copy.name}", "photos")
        back, photo = tmp_path / f"from-{copy.name}" / "a", tmp_path / "photos" / "a"
        assert back.read_bytes() == photo.read_bytes()


def test_two_copies_on_one_disk_are_one_place(tmp_path: Path) -> None:
    computer = two_copies(tmp_path, tmp_path / "vault")
    reached = saved(computer, "a")
    assert (reached.level, reached.highest, reached.as_asked) == (SAVED, SAVED, True)
    assert files(computer.copy) == files(tmp_path / "vault")
    assert (looked_at(computer).level, looked_at(computer).highest) == (SAVED, SAVED)


@pytest.mark.parametrize("where", ["vault", "."])
def test_a_disk_that_is_away_is_behind_and_is_caught_up_when_it_is_back(
    disk: Disk, tmp_path: Path, where: str
) -> None:
    computer = two_copies(tmp_path, disk.path / where)
    saved(computer, "a")
    disk.unplug()
    reached = saved(computer, "b")
    assert (reached.level, reached.highest) == (SAVED, PROTECTED)
    empty = disk.mounted and where == "."  # a mount point without its disk
    assert [(each.place.label, type(each.error)) for each in reached.behind] == [
        ("second", CopyGone if empty else Unreachable)
    ]
    assert not disk.mounted or list(disk.path.iterdir()) == []
    found = looked_at(computer)
    assert (found.level, found.worst) == (SAVED, True)
    assert [bool(copy.error) for copy in found.copies] == [False, True]
    disk.plug()
    assert looked_at(computer).copies[1].behind > 0
    assert brought_up(computer).level == PROTECTED
    assert not looked_at(computer).worst


def test_without_the_ledger_nothing_is_protected_until_it_was_read_again(computer: Computer) -> None:
    saved(computer, "a")
    computer.home.ledger_file.unlink()
    assert (looked_at(computer).level, looked_at(computer).worst) == (SAVED, True)
    assert brought_up(computer).level == PROTECTED


@pytest.mark.parametrize("which", ["main", "second"])
def test_rot_protects_nothing_until_it_is_mended(computer: Computer, disk: Disk, which: str) -> None:
    saved(computer, "a")
    damaged = packs(computer.copy if which == "main" else disk.path / "vault")[0]
    flip(damaged)
    # Found by a check, which the ledger remembers, or by reading again.
    with computer.opened() as session:
        every = check_copies(session, session.settings.copies, Silent(), lambda: None, read_data=True)
        found = {place.label: report for place, report in every}
    assert {label: isinstance(r, Report) and r.sound for label, r in found.items()} == {
        "main": which != "main",
        "second": which != "second",
    }
    assert looked_at(computer).level == SAVED
    reached = brought_up(computer)
    assert (reached.level, reached.damage, reached.as_asked) == (PROTECTED, [], True)
    assert [(each.place.label, len(each.names)) for each in reached.healed] == [(which, 1)]


def test_a_pack_that_is_gone_from_the_first_copy_comes_back_from_the_other(
    computer: Computer, disk: Disk
) -> None:
    saved(computer, "a")
    gone = packs(computer.copy)[0]
    whole = gone.read_bytes()
    gone.unlink()
    assert [copy.behind for copy in looked_at(computer).copies] == [1, 0]
    assert brought_up(computer).level == PROTECTED
    assert gone.read_bytes() == whole
    assert [copy.behind for copy in looked_at(computer).copies] == [0, 0]


def test_a_pack_that_is_gone_from_both_is_not_forgotten(computer: Computer, disk: Disk) -> None:
    saved(computer, "a")
    gone = packs(computer.copy)[0].relative_to(computer.copy)
    for copy in (computer.copy, disk.path / "vault"):
        (copy / gone).unlink()
    assert brought_up(computer).level == SAVED
    assert looked_at(computer).level == SAVED


def test_damage_before_it_was_ever_copied_stays_in_the_first_copy(
    computer: Computer, disk: Disk, tmp_path: Path
) -> None:
    saved(computer, "a")
    disk.unplug()
    saved(computer, "b")
    flip(packs(computer.copy)[-1])
    disk.plug()
    reached = brought_up(computer)
    assert [error.copy for error in reached.damage] == ["main"]
    assert [each.place.label for each in reached.behind] == ["second"]
    assert reached.level == SAVED
    alone = only(disk.path / "vault", tmp_path / "new", computer.key)
    assert len(alone.snapshots()) == 1
    assert alone.checked().sound


def test_what_a_pass_finds_damaged_counts_as_read_back_no_more(computer: Computer, disk: Disk) -> None:
    saved(computer, "a")
    pack = packs(computer.copy)[0]
    (disk.path / "vault" / pack.relative_to(computer.copy)).unlink()
    flip(pack)
    assert [error.copy for error in brought_up(computer).damage] == ["main"]
    with computer.opened() as session, closing(Ledger(computer.home.ledger_file)) as ledger:
        matched = ledger.matched(session.vault.copy.copy_id)
    assert bytes.fromhex(pack.name) not in matched
    assert matched


def test_a_removed_key_is_removed_from_every_copy(computer: Computer, disk: Disk) -> None:
    with computer.opened(writing=True) as session:
        slot = add_slot(session, Passphrase("another one"), "old")
    name = f"keys/{slot}"
    saved(computer, "a")
    assert (disk.path / "vault" / name).exists()
    disk.unplug()
    with computer.opened(writing=True) as session:
        remove_slot(session, slot)
    brought_up(computer)
    disk.plug()
    assert (disk.path / "vault" / name).exists()
    assert brought_up(computer).level == PROTECTED
    assert not (disk.path / "vault" / name).exists()
    assert files(computer.copy) == files(disk.path / "vault")
    assert not looked_at(computer).worst


def test_reading_goes_on_from_the_second_copy(computer: Computer, tmp_path: Path) -> None:
    saved(computer, "a")
    state = computer.home.state_file.read_bytes()
    computer.copy.rename(tmp_path / "away")
    with computer.opened() as session:
        assert [(place.label, type(error)) for place, error in session.passed_over] == [("main", Unreachable)]
        assert session.vault.copy.label == "second"
        assert session.lacks == Lacks()
        assert len(list_snapshots(session.vault.journal)) == 1
        found = status(session)
    assert (found.level, [bool(copy.error) for copy in found.copies]) == (SAVED, [True, False])
    computer.give_back(tmp_path / "back", "photos")
    assert (tmp_path / "back" / "a").exists()
    assert computer.home.state_file.read_bytes() == state
    (tmp_path / "away").rename(computer.copy)
    assert not looked_at(computer).worst


def test_a_second_copy_that_is_older_than_the_first_shows_what_it_has(
    computer: Computer, disk: Disk, tmp_path: Path
) -> None:
    saved(computer, "a")
    disk.unplug()
    saved(computer, "b")
    disk.plug()
    computer.copy.rename(tmp_path / "away")
    with computer.opened() as session:
        assert len(list_snapshots(session.vault.journal)) == 1
        assert session.vault.troubles == []


def test_a_copy_in_memory_protects_nothing(tmp_path: Path, small_disk: Path) -> None:
    computer = two_copies(tmp_path, small_disk / "vault")
    reached = saved(computer, "a")
    assert (reached.level, reached.highest, reached.behind) == (SAVED, SAVED, [])
    found = looked_at(computer)
    assert (found.level, found.highest) == (SAVED, SAVED)
    assert [copy.in_memory for copy in found.copies] == [False, True]
