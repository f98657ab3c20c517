"""The daemon at work on a real vault: what changes is saved, whatever happens meanwhile."""

import contextlib
import errno
import os
import random
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.daemon.at_work import at_work, is_as_the_folder, writing
from tests.damage import flip
from tests.disks import Disk
from tests.jobs.vaults import Computer, new_vault
from tests.waiting import until
from vaultd.daemon import service
from vaultd.daemon import tended as tending
from vaultd.daemon.changes import Dirty, Gone
from vaultd.daemon.following import Following
from vaultd.errors import Damaged, SourceGone
from vaultd.jobs import opening
from vaultd.jobs.sources import Wanted, add_source, remove_source
from vaultd.settings import load, save


def test_what_changes_is_saved_and_nothing_else(computer: Computer, tmp_path: Path) -> None:
    with at_work(computer) as noted:
        assert until(lambda: len(noted.takens) == 1)
        (tmp_path / "photos" / "2019" / "b.jpg").write_bytes(b"b")
        assert until(lambda: len(noted.takens) == 2)
        assert noted.takens[1].snapshot.body.counts["changed"] == 1
        (tmp_path / "photos" / "2019" / "a.jpg").read_bytes()
        time.sleep(1.5)
        assert len(noted.takens) == 2
    assert noted.errors == []
    assert is_as_the_folder(computer, "photos")


def test_sources_come_and_go_while_it_runs(computer: Computer, tmp_path: Path) -> None:
    (tmp_path / "chats").mkdir()
    (tmp_path / "chats" / "x").write_bytes(b"x")
    with at_work(computer) as noted:
        assert until(lambda: len(noted.takens) == 1)
        with writing(computer) as session:
            add_source(session, Wanted(os.fsencode(tmp_path / "chats"), "chats"))
        assert until(lambda: noted.watches == ["photos", "chats"])
        assert until(lambda: len(noted.takens) == 2)
        with writing(computer) as session:
            remove_source(session, "chats")
        assert until(lambda: noted.let_go == ["chats"])


def test_a_source_that_goes_is_told_once_and_saved_when_it_is_back(
    computer: Computer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tending, "AGAIN", 1.0)
    with at_work(computer) as noted:
        assert until(lambda: len(noted.takens) == 1)
        (tmp_path / "photos").rename(tmp_path / "away")
        assert until(lambda: bool(noted.errors))
        time.sleep(3)
        assert [type(error) for error in noted.errors] == [SourceGone]
        (tmp_path / "away" / "new").write_bytes(b"new")
        (tmp_path / "away").rename(tmp_path / "photos")
        assert until(lambda: len(noted.takens) == 2)
        (tmp_path / "photos" / "newer").write_bytes(b"newer")
        assert until(lambda: len(noted.takens) == 3)
    assert is_as_the_folder(computer, "photos")


def test_a_source_whose_disk_is_unmounted_is_not_saved_as_an_empty_one(tmp_path: Path, disk: Disk) -> None:
    computer = new_vault(tmp_path)
    (disk.path / "photo").write_bytes(b"photo")
    computer.add(disk.path, "disk")
    with at_work(computer) as noted:
        assert until(lambda: len(noted.takens) == 1)
        disk.unplug()
        assert until(lambda: [each.state for each in noted.tended] == [Gone("unmounted")])
        (disk.path / "written under the mount point").write_bytes(b"1")
        time.sleep(2)
        assert len(noted.takens) == 1
        (disk.path / "written under the mount point").unlink()
        disk.plug()
        (disk.path / "another").write_bytes(b"another")
        assert until(lambda: len(noted.takens) == 2)
    assert noted.takens[1].snapshot.body.counts["files"] == 2
    assert noted.errors == []


def test_a_copy_that_is_not_there_yet_is_waited_for(
    computer: Computer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the disk is mounted after the daemon was started."""
    monkeypatch.setattr(service, "FIRST_RETRY", 0.5)
    computer.copy.rename(tmp_path / "not mounted")
    for pages in (computer.home.state).glob("pages-*"):
        shutil.rmtree(pages)
    with at_work(computer) as noted:
        assert until(lambda: bool(noted.errors))
        time.sleep(2)
        assert len(noted.errors) == 1
        (tmp_path / "not mounted").rename(computer.copy)
        assert until(lambda: len(noted.takens) == 1)


def test_a_disk_of_the_state_that_fails_for_a_while_ends_nothing(
    computer: Computer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite says of a full one that it failed."""
    monkeypatch.setattr(tending, "AGAIN", 1.0)

    def failing(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), "state.db")

    with at_work(computer) as noted:
        assert until(lambda: len(noted.takens) == 1)
        with monkeypatch.context() as broken:
            broken.setattr(opening, "State", failing)
            (tmp_path / "photos" / "b.jpg").write_bytes(b"b")
            assert until(lambda: bool(noted.errors))
            time.sleep(2)
        assert until(lambda: len(noted.takens) == 2)
    assert {type(error) for error in noted.errors} == {OSError}
    assert is_as_the_folder(computer, "photos")


def test_a_copy_that_is_damaged_is_told(
    computer: Computer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All is read again for it, once; it goes on being damaged."""
    monkeypatch.setattr(tending, "AGAIN", 1.0)
    save(computer.home, replace(load(computer.home), spool_gib=0))
    identity = computer.copy / "vault.id"
    with at_work(computer) as noted:
        assert until(lambda: len(noted.takens) == 1)
        flip(identity, 0)
        (tmp_path / "photos" / "b.jpg").write_bytes(b"b")
        assert until(lambda: bool(noted.errors), 10)
        flip(identity, 0)
        assert until(lambda: len(noted.takens) == 2)
    assert {type(error) for error in noted.errors} == {Damaged}


def test_while_another_process_writes_it_waits(computer: Computer, tmp_path: Path) -> None:
    with at_work(computer) as noted:
        assert until(lambda: len(noted.takens) == 1)
        with writing(computer):
            (tmp_path / "photos" / "b.jpg").write_bytes(b"b")
            time.sleep(1.5)
            assert len(noted.takens) == 1
        assert until(lambda: len(noted.takens) == 2)
    assert noted.errors == []


def test_its_own_files_within_a_source_do_not_keep_it_busy(tmp_path: Path) -> None:
    computer = new_vault(tmp_path / "user" / "vaultd")
    (tmp_path / "user" / "note").write_bytes(b"1")
    computer.add(tmp_path / "user", "user")
    with at_work(computer) as noted:
        assert until(lambda: len(noted.takens) == 1)
        (tmp_path / "user" / "note").write_bytes(b"2")
        assert until(lambda: len(noted.takens) == 2)
        time.sleep(3)
        assert len(noted.takens) == 2


def test_other_names_of_a_file_are_saved_alike(computer: Computer, tmp_path: Path) -> None:
    with at_work(computer) as noted:
        assert until(lambda: len(noted.takens) == 1)
        os.link(tmp_path / "photos" / "2019" / "a.jpg", tmp_path / "photos" / "again.jpg")
        assert until(lambda: len(noted.takens) >= 2)
        time.sleep(2)  # all of it is looked at once more
    assert is_as_the_folder(computer, "photos")


def test_stopped_in_the_middle_nothing_is_lost(computer: Computer, tmp_path: Path) -> None:
    for number in range(2000):
        (tmp_path / "photos" / f"{number}").write_bytes(os.urandom(2000))
    with at_work(computer) as noted:
        assert until(lambda: bool(noted.watches))
        time.sleep(0.5)
    with at_work(computer) as noted:
        assert until(lambda: bool(computer.snapshots()))
    assert computer.checked().sound
    assert is_as_the_folder(computer, "photos")


def stir(top: Path, rng: random.Random, seconds: float) -> None:
    """Everything that programs do to files, as fast as may be."""
    end = time.monotonic() + seconds
    outside = top.with_name("outside")
    outside.mkdir(exist_ok=True)
    while time.monotonic() < end:
        folders = [path for path in [top, *top.rglob("*")] if path.is_dir() and not path.is_symlink()]
        files = [path for path in top.rglob("*") if path.is_file() and not path.is_symlink()]
        where, name = rng.choice(folders), f"{rng.randrange(30)}"
        with contextlib.suppress(OSError, IndexError):
            _do(rng, where / name, rng.choice(files or [top]), rng.choice(folders[1:] or [top]), outside, top)


def _do(  # noqa: C901 - a table
    rng: random.Random, new: Path, file: Path, folder: Path, outside: Path, top: Path
) -> None:
    match rng.randrange(12):
        case 0 | 1 | 2:
            new.write_bytes(rng.randbytes(rng.randrange(3000)))
        case 3:
            with file.open("ab") as opened:
                opened.write(b"more")
        case 4:
            file.rename(new)
        case 5:
            new.mkdir()
        case 6:
            file.unlink()
        case 7 if folder != top:
            folder.rename(new)
        case 8 if folder != top:
            shutil.move(folder, outside / f"{rng.randrange(5)}")
        case 9:
            shutil.move(rng.choice(list(outside.iterdir())), new)
        case 10:
            file.chmod(rng.choice([0o600, 0o644]))
        case 11:
            aside = new.with_name("aside")
            aside.write_bytes(rng.randbytes(100))
            aside.replace(file)


def test_after_a_storm_the_newest_snapshot_is_the_folder(computer: Computer, tmp_path: Path) -> None:
    with at_work(computer) as noted:
        assert until(lambda: len(noted.takens) == 1)
        stir(tmp_path / "photos", random.Random(1), 6)
        before = len(noted.takens)
        assert until(lambda: len(noted.takens) > before)
        quiet = time.monotonic()
        while time.monotonic() - quiet < 3:
            if len(noted.takens) != before:
                before, quiet = len(noted.takens), time.monotonic()
            time.sleep(0.1)
        assert noted.errors == []
    assert is_as_the_folder(computer, "photos")


def test_the_daily_look_counts_what_nobody_told_of(
    computer: Computer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And only that: what was told meanwhile is no lost event."""
    deaf = threading.Event()
    true = Following.told

    def hear(following: Following) -> list[Dirty]:
        return [one for one in true(following) if not (deaf.is_set() and b"quiet" in one.folder)]

    monkeypatch.setattr(Following, "told", hear)
    monkeypatch.setattr(tending, "DAILY", 4.0)
    (tmp_path / "photos" / "quiet").mkdir()
    with at_work(computer) as noted:
        assert until(lambda: len(noted.takens) == 1)
        (tmp_path / "photos" / "loud").write_bytes(b"1")
        assert until(lambda: len(noted.takens) == 2)
        time.sleep(6)
        assert noted.lost == []
        deaf.set()
        (tmp_path / "photos" / "quiet" / "a").write_bytes(b"1")
        assert until(lambda: bool(noted.lost))
    assert noted.lost == [2]  # the file, and the time of its folder
    assert is_as_the_folder(computer, "photos")
