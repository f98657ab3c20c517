"""Where a vault stands: a copy that cannot be written, mounts that lead into it, keys."""

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from tests.cli.worlds import PASSPHRASE, World, make
from tests.disks import second_disk
from vaultd.credentials import Passphrase
from vaultd.errors import Overlap, WrongKey
from vaultd.jobs.keys import add_slot, list_slots
from vaultd.jobs.opening import open_for_writing, open_vault
from vaultd.jobs.ownkey import own_key
from vaultd.jobs.sources import Wanted, add_source
from vaultd.settings import find_home


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make(tmp_path, {"a": b"1", "folder/b": b"2"}, "photos")


@contextlib.contextmanager
def bound(what: Path, where: Path, *, read_only: bool = False) -> Iterator[None]:
    if os.geteuid():
        pytest.skip("mounting needs root")
    where.mkdir(exist_ok=True)
    done = subprocess.run(["mount", "--bind", what, where], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this system does not let root mount: {done.stderr.strip()}")
    try:
        if read_only:
            subprocess.run(["mount", "-o", "remount,bind,ro", where], check=True)
        yield
    finally:
        subprocess.run(["umount", "-l", where], check=True)


def test_a_copy_that_cannot_be_written_is_enough_to_get_everything_back(world: World, tmp_path: Path) -> None:
    (tmp_path / "pass").write_text(PASSPHRASE.text)
    (tmp_path / "pass").chmod(0o600)
    disk, words = tmp_path / "disk", ("--home", str(tmp_path / "new"), "--passphrase-file", "pass")
    with bound(tmp_path / "vault", disk, read_only=True):
        assert world.vaultd("open", str(disk), *words).returncode == 0
        assert world.vaultd("ls", "photos", *words).stdout == "a\nfolder/\n"
        assert world.vaultd("restore", "photos", "--target", "back", *words).returncode == 0
        assert (tmp_path / "back" / "folder" / "b").read_bytes() == b"2"
        assert world.vaultd("check", *words).returncode == 0
        refused = world.vaultd("source", "add", "back", "--name", "other", *words)
        assert refused.returncode == 1
        assert "can be read but not written" in refused.stderr
        chinese = world.vaultd("source", "add", "back", "--name", "other", *words, VAULTD_LANG="zh")
        assert "只能读取，不能写入" in chinese.stderr


def test_another_disk_in_the_place_of_a_copy_is_refused(world: World, tmp_path: Path) -> None:
    other = make(tmp_path / "other", {"x": b"y"})
    with bound(other.work / "vault", tmp_path / "vault"):
        for words, code in ((("snapshot",), 3), (("ls", "photos"), 0), (("check",), 1)):
            refused = world.vaultd(*words)
            assert refused.returncode == code
            assert "is not the copy that belongs there" in refused.stderr
        assert "不是应该在那里的副本" in world.vaultd("snapshot", VAULTD_LANG="zh").stderr
    assert world.vaultd("snapshot").returncode == 0


@pytest.mark.parametrize("own", ["vault", "vault/log", "home"])
def test_a_mount_does_not_hide_that_a_source_is_our_own_place(world: World, tmp_path: Path, own: str) -> None:
    with bound(tmp_path / own, tmp_path / "harmless"):
        refused = world.vaultd("source", "add", "harmless")
        assert refused.returncode == 1
        assert "lie one inside the other" in refused.stderr


def test_a_mount_of_our_own_place_in_a_source_is_left_out(world: World, tmp_path: Path) -> None:
    (tmp_path / "source" / "way in").symlink_to(tmp_path / "vault")
    with bound(tmp_path / "vault", tmp_path / "source" / "mounted"):
        saved = json.loads(world.vaultd("snapshot", "--json").stdout)[0]
        assert [note["path"] for note in saved["notes"]] == ["mounted"]
        assert world.vaultd("ls", "-R", "photos").stdout.splitlines() == [
            *("a", "folder/", "folder/b", "way in")
        ]


@pytest.mark.parametrize("inside", ["packs", "log", "index", "packs/*", "log/*", "keys"])
def test_a_mount_of_a_folder_inside_the_copy_is_left_out(world: World, tmp_path: Path, inside: str) -> None:
    (tmp_path / "vault" / "index").mkdir(exist_ok=True)
    folder = next((tmp_path / "vault").glob(inside))
    with bound(folder, tmp_path / "source" / "mounted"):
        saved = json.loads(world.vaultd("snapshot", "--json").stdout)[0]
        assert [(note["path"], note["error"]) for note in saved["notes"]] == [("mounted", "own-place")]
        assert world.vaultd("ls", "-R", "photos").stdout.splitlines() == ["a", "folder/", "folder/b"]
        chinese = world.vaultd("snapshot", VAULTD_LANG="zh").stderr
        assert "没有保存“mounted”：" in chinese


def test_a_first_copy_that_cannot_be_written_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a").write_bytes(b"1")
    (tmp_path / "pass").write_text(PASSPHRASE.text)
    (tmp_path / "pass").chmod(0o600)
    world, given = World(tmp_path), ("--passphrase-file", "pass")
    world.vaultd("init", "one", "--second", "two", "--yes", *given)
    world.vaultd("source", "add", "photos", *given)
    with bound(tmp_path / "one", tmp_path / "one", read_only=True):
        saved = world.vaultd("snapshot", *given)
        assert saved.returncode == 3
        assert "Saved photos" in saved.stdout
        assert "can be read but not written. Going on with another copy." in saved.stderr
        assert "Copy main is behind." in saved.stderr
    assert world.vaultd("snapshot", *given).returncode == 0
    logs = [sorted(path.name for path in (tmp_path / copy / "log").rglob("*")) for copy in ("one", "two")]
    assert logs[0] == logs[1]


@pytest.mark.parametrize("together", ["main", "second"])
def test_a_copy_on_the_disk_of_a_source_is_told(tmp_path: Path, together: str) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "pass").write_text(PASSPHRASE.text)
    (tmp_path / "pass").chmod(0o600)
    with second_disk(tmp_path) as disk:
        one, two = (disk.path / "vault", tmp_path / "vault")[:: -1 if together == "main" else 1]
        world, given = World(tmp_path), ("--passphrase-file", "pass")
        assert world.vaultd("init", str(one), "--second", str(two), "--yes", *given).returncode == 0
        both_gone = f"photos” and copy {together} are on one disk: if it breaks, both are gone"
        assert both_gone in world.vaultd("source", "add", "photos", *given).stderr
        world.vaultd("snapshot", *given)
        assert both_gone in world.vaultd("status", *given).stderr
        chinese = world.vaultd("status", *given, VAULTD_LANG="zh").stderr
        assert f"和副本 {together} 在同一块磁盘上" in chinese


def test_a_source_above_the_copy_by_a_link_does_not_save_the_copy(world: World, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "vault" / "packs")
    key = own_key(find_home(str(tmp_path / "home")))
    assert key is not None
    with open_for_writing(find_home(str(tmp_path / "home")), key) as session, pytest.raises(Overlap):
        add_source(session, Wanted(bytes(tmp_path / "link")))


def test_a_wrong_passphrase_costs_one_argon2_for_each_key(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = find_home(str(tmp_path / "home"))
    with open_for_writing(home, PASSPHRASE) as session:
        add_slot(session, Passphrase("a second passphrase"), "second")
        passphrases = [each.id for each in list_slots(session) if each.kdf == 1]
    computed: list[bytes] = []

    def counting(**how: Any) -> Argon2id:
        computed.append(how["salt"])
        return Argon2id(**how)

    monkeypatch.setattr("cryptography.hazmat.primitives.kdf.argon2.Argon2id", counting)
    for key, expected in ((None, 2), (passphrases[0], 1)):
        computed.clear()
        with pytest.raises(WrongKey), open_vault(home, Passphrase("not this one"), key):
            pass
        assert len(computed) == expected
    computed.clear()
    unlocking = own_key(home)
    assert unlocking is not None
    with open_vault(home, unlocking):
        pass
    assert computed == []
