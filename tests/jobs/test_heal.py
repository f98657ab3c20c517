"""A damaged copy is mended from another one by whoever finds it; a copy that lost much is left alone until
its owner has looked; and damage never travels.
"""

import os
import shutil
from pathlib import Path

import pytest

from tests.damage import flip
from tests.disks import Disk
from tests.jobs.killed import dies
from tests.jobs.test_protect import brought_up, files, looked_at, packs, saved, two_copies
from tests.jobs.vaults import Computer
from vaultd.errors import Busy, Damaged, LostTooMuch, Missing
from vaultd.jobs.check import Report, check_copies
from vaultd.jobs.enrolling import find_copy, retire_copy
from vaultd.jobs.heal import accept, heal_all
from vaultd.jobs.level import PROTECTED, SAVED
from vaultd.progress import Silent
from vaultd.store.lock import writer_lock


@pytest.fixture
def computer(tmp_path: Path, disk: Disk) -> Computer:
    """Two copies, six snapshots, protected."""
    computer = two_copies(tmp_path, disk.path / "vault")
    for name in "abcdef":
        assert saved(computer, name).level == PROTECTED
    return computer


def copies_of(computer: Computer, disk: Disk) -> dict[str, Path]:
    return {"main": computer.copy, "second": disk.path / "vault"}


def checked(
    computer: Computer, *, heals: bool = True, read_data: bool = True, only: str | None = None
) -> dict[str, Report]:
    with computer.opened() as session:
        places = [place for place in session.settings.copies if only in (None, place.label)]
        found = check_copies(session, places, Silent(), lambda: None, read_data=read_data, heals=heals)
        reports = {place.label: report for place, report in found}
    assert all(isinstance(report, Report) for report in reports.values()), reports
    return {label: report for label, report in reports.items() if isinstance(report, Report)}


def heals_told(computer: Computer) -> list[str]:
    """The names of all files that records say were mended."""
    with computer.opened() as session:
        records = [record.body for _, record in session.vault.journal.of_kind("heal")]
    return sorted(digest.hex() for body in records for digest in body["files"])


def quarantined(copy: Path) -> list[Path]:
    return [path for path in (copy / "quarantine").rglob("*") if path.is_file()]


@pytest.mark.parametrize("which", ["main", "second"])
@pytest.mark.parametrize("kind", ["packs", "log", "keys"])
@pytest.mark.parametrize("how", ["flipped", "cut", "emptied", "gone"])
def test_a_check_puts_right_what_it_finds(
    computer: Computer, disk: Disk, which: str, kind: str, how: str
) -> None:
    copy = copies_of(computer, disk)[which]
    with computer.opened() as session:
        ours = session.slot  # without it this computer's key opens nothing
    found = sorted(path for path in (copy / kind).rglob("*") if path.is_file() and path.name != ours)
    harmed, before = found[len(found) // 2], files(copy)
    if how == "flipped":
        flip(harmed)
    elif how == "gone":
        harmed.unlink()
    else:
        os.truncate(harmed, 0 if how == "emptied" else harmed.stat().st_size // 2)
    report = checked(computer)[which]
    if how == "gone" and kind == "log":
        # Nobody misses a name: the next pass fills it in.
        assert brought_up(computer).level == PROTECTED
    else:
        assert report.sound
        assert [name.rpartition("/")[2] for name in report.healed] == [harmed.name]
        assert heals_told(computer) == [harmed.name[-64:]]
        assert len(quarantined(copy)) == (how != "gone")
        assert files(computer.copy) == files(disk.path / "vault")  # with the record that says so
    assert {name: data for name, data in files(copy).items() if name in before} == before
    assert brought_up(computer).level == PROTECTED
    assert checked(computer)[which].healed == []


def test_only_looking_mends_nothing(computer: Computer, disk: Disk) -> None:
    flip(packs(computer.copy)[0])
    before = files(computer.copy)
    report = checked(computer, heals=False)["main"]
    assert (report.sound, report.healed, len(report.damage)) == (False, [], 1)
    assert files(computer.copy) == before


def test_each_copy_mends_the_other(computer: Computer, disk: Disk) -> None:
    whole = files(computer.copy)
    one, two, *_ = packs(computer.copy)
    flip(one)
    flip(disk.path / "vault" / two.relative_to(computer.copy))
    reports = checked(computer)
    assert [len(report.healed) for report in reports.values()] == [1, 1]
    assert whole.items() <= files(computer.copy).items()
    assert whole.items() <= files(disk.path / "vault").items()


def test_what_no_copy_has_right_is_told_and_left(computer: Computer, disk: Disk) -> None:
    harmed = packs(computer.copy)[0]
    flip(harmed)
    flip(disk.path / "vault" / harmed.relative_to(computer.copy))
    before = files(computer.copy), files(disk.path / "vault")
    for report in checked(computer).values():
        assert (report.sound, report.healed) == (False, [])
        assert [type(error) for error in report.unhealed] == [Missing]
    assert (files(computer.copy), files(disk.path / "vault")) == before


@pytest.mark.parametrize("which", ["main", "second"])
def test_bringing_up_mends_what_it_finds(computer: Computer, disk: Disk, which: str) -> None:
    copy = copies_of(computer, disk)[which]
    whole = files(copy)
    flip(packs(copy)[0])
    checked(computer, heals=False)  # after which nobody counts it as read back
    reached = brought_up(computer)
    assert (reached.level, reached.damage) == (PROTECTED, [])
    assert [(each.place.label, len(each.names)) for each in reached.healed] == [(which, 1)]
    assert whole.items() <= files(copy).items()


def test_while_another_process_writes_a_check_looks_and_says_why_it_mends_nothing(
    computer: Computer, disk: Disk
) -> None:
    flip(packs(computer.copy)[0])
    with writer_lock(computer.home.lock_file):
        report = checked(computer)["main"]
    assert [type(error) for error in report.unhealed] == [Busy]
    assert not report.sound
    assert checked(computer)["main"].sound


@pytest.mark.parametrize("which", ["main", "second"])
def test_a_copy_that_is_damaged_in_many_places_is_left_alone(
    computer: Computer, disk: Disk, which: str
) -> None:
    copy = copies_of(computer, disk)[which]
    whole = files(copy)
    for pack in packs(copy)[:4]:
        flip(pack)
    before = files(copy)
    report = checked(computer)[which]
    assert (len(report.damage), report.healed) == (4, [])
    assert [type(error) for error in report.unhealed] == [LostTooMuch]
    assert files(copy) == before
    with computer.opened(writing=True) as session:
        place = find_copy(session.settings, which)
        accept(session, place.copy_id)
        assert len(heal_all(session, place, Silent(), lambda: None).names) == 4
    assert whole.items() <= files(copy).items()
    assert brought_up(computer).level == PROTECTED


@pytest.mark.parametrize("which", ["main", "second"])
@pytest.mark.parametrize("lost", ["packs", "all"])
def test_an_emptied_copy_is_neither_written_nor_copied_from(
    computer: Computer, disk: Disk, tmp_path: Path, which: str, lost: str
) -> None:
    copies = copies_of(computer, disk)
    copy, other = copies[which], copies[{"main": "second", "second": "main"}[which]]
    for name in ("packs",) if lost == "packs" else ("packs", "log", "keys", "index"):
        shutil.rmtree(copy / name, ignore_errors=True)
        (copy / name).mkdir()
    before, beside = files(copy), len(packs(other))
    assert not checked(computer)[which].healed
    assert files(copy) == before
    reached = saved(computer, "g")
    assert reached.level == SAVED
    assert [type(each.error) for each in reached.behind] == [LostTooMuch]
    assert files(copy) == before
    assert len(packs(other)) > beside
    assert looked_at(computer).worst
    with computer.opened(writing=True) as session:
        assert session.place.label != which
        accept(session, find_copy(session.settings, which).copy_id)
    assert brought_up(computer).level == PROTECTED
    assert files(copy) == files(other)
    computer.give_back(tmp_path / "back", "photos")
    assert sorted(os.listdir(tmp_path / "back")) == list("abcdefg")


def test_a_copy_that_was_away_for_long_has_lost_nothing(computer: Computer, disk: Disk) -> None:
    disk.unplug()
    for name in "ghijklmn":
        saved(computer, name)
    disk.plug()
    assert brought_up(computer).level == PROTECTED


def test_a_few_files_that_are_gone_are_put_back_without_a_word_from_the_owner(
    computer: Computer, disk: Disk
) -> None:
    whole = files(disk.path / "vault")
    for pack in packs(disk.path / "vault")[:3]:
        pack.unlink()
    assert brought_up(computer).level == PROTECTED
    assert files(disk.path / "vault") == whole


def test_with_one_copy_nothing_is_refused_for_what_it_lost(tmp_path: Path, disk: Disk) -> None:
    computer = two_copies(tmp_path, disk.path / "vault")
    for name in "abcdef":
        saved(computer, name)
    with computer.opened(writing=True) as session:
        retire_copy(session, find_copy(session.settings, "second"))
    for pack in packs(computer.copy):
        pack.unlink()
    computer.save("photos")
    report = checked(computer)["main"]
    assert report.unhealed == []
    computer.give_back(tmp_path / "back", "photos")
    assert sorted(os.listdir(tmp_path / "back")) == list("abcdef")


def test_a_key_that_was_removed_is_not_brought_back(computer: Computer, disk: Disk) -> None:
    from vaultd.credentials import Passphrase
    from vaultd.jobs.keys import add_slot, remove_slot

    with computer.opened(writing=True) as session:
        slot = add_slot(session, Passphrase("another one"), "old")
    brought_up(computer)
    kept = (disk.path / "vault" / "keys" / slot).read_bytes()
    with computer.opened(writing=True) as session:
        remove_slot(session, slot)
    brought_up(computer)
    (disk.path / "vault" / "keys" / slot).write_bytes(kept)
    checked(computer)
    assert not (computer.copy / "keys" / slot).exists()


def test_a_read_only_copy_is_told_and_not_mended(computer: Computer, disk: Disk) -> None:
    flip(packs(disk.path / "vault")[0])
    disk.protect(on=True)
    try:
        report = checked(computer)["second"]
    finally:
        disk.protect(on=False)
    assert not report.sound
    assert [type(error).__name__ for error in report.unhealed] == ["ReadOnly"]
    assert checked(computer)["second"].sound


EVENTS = ("os.rename", "os.mkdir", "open", "os.link", "os.remove", "sqlite3.connect")
KILLED = """
from tests.jobs.test_heal import checked
from tests.jobs.vaults import Computer
from vaultd.settings import find_home
import vaultd.jobs.check as check
home, copy, key = sys.argv[2:]
heal = check.heal
def begun(*words, **more):
    sys.addaudithook(count)
    return heal(*words, **more)
check.heal = begun
checked(Computer(find_home(home), Path(copy), Path(key)))
"""


def test_killed_while_it_mends_the_next_one_does_it(computer: Computer, disk: Disk, tmp_path: Path) -> None:
    died, whole = 0, files(computer.copy)
    for at in range(1, 40, 3):
        for pack in packs(computer.copy)[:2]:
            flip(pack)
        died += dies(KILLED, EVENTS, at, tmp_path / "home", computer.copy, computer.key)
        assert checked(computer)["main"].sound
        assert whole.items() <= files(computer.copy).items(), at
    assert died >= 5
    assert not any(isinstance(error, Damaged) for error in brought_up(computer).damage)
