"""A vault whose second copy stands on a share of a real Samba server that is not mounted."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.worlds import PASSPHRASE, World, make
from tests.copies import smbd
from tests.copies.smbd import Smbd
from tests.damage import flip


@pytest.fixture
def server() -> Iterator[Smbd]:
    made = smbd.make()
    yield made
    made.stop()


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = make(tmp_path, {"a": b"1", "folder/b": b"2"}, "photos")
    (tmp_path / "pass").write_text(PASSPHRASE.text)
    (tmp_path / "pass").chmod(0o600)
    return world


def url_of(server: Smbd, folder: str) -> str:
    return server.url(f"{folder}?password_file={server.options['password_file']}")


def test_a_share_holds_a_copy_is_mended_and_gives_everything_back(world: World, server: Smbd) -> None:
    added = world.vaultd("copy", "add", "nas", url_of(server, "vault"))
    assert (added.returncode, "Protected" in added.stdout) == (0, True), added.stderr
    (world.work / "source/new").write_bytes(b"3")
    assert world.vaultd("snapshot").returncode == 0
    flip(min((server.share / "vault/packs").glob("*/*")))
    mended = world.vaultd("check", "--read-data", "--copy", "nas")
    assert (mended.returncode, "put right from another copy" in mended.stderr) == (3, True), mended.stderr
    assert world.vaultd("check", "--read-data").returncode == 0
    (world.work / "vault").rename(world.work / "away")
    assert world.vaultd("restore", "photos", "--target", "back").returncode == 0
    assert (world.work / "back/folder/b").read_bytes() == b"2"
    opened = world.vaultd("open", url_of(server, "vault"), "--home", "new", "--passphrase-file", "pass")
    assert opened.returncode == 0, opened.stderr


def test_a_share_that_is_away_is_behind_and_caught_up(world: World, server: Smbd) -> None:
    assert world.vaultd("copy", "add", "nas", url_of(server, "vault")).returncode == 0
    server.stop()
    (world.work / "source/new").write_bytes(b"3")
    away = world.vaultd("snapshot")
    assert (away.returncode, "nobody answers there" in away.stderr) == (3, True), away.stderr
    server.start()
    synced = world.vaultd("copy", "sync")
    assert synced.returncode == 0, synced.stderr


def test_what_is_wrong_with_the_share_is_said(world: World, server: Smbd) -> None:
    password = server.folder / "password"
    wrong = server.folder / "wrong"
    wrong.touch(0o600)
    wrong.write_text("no\n")
    for url, code, said in (
        (url_of(server, "vault").replace(str(password), str(wrong)), 1, "does not let"),
        (url_of(server, "vault").replace("/vault/", "/nothing/"), 1, "no share “nothing”"),
        (server.url("vault"), 12, "is not here"),
        (url_of(server, "not/there"), 1, "is not a folder"),
        ("smb://me:secret@host/share/folder", 2, "could read the password"),
    ):
        refused = world.vaultd("copy", "add", "nas", url)
        assert (refused.returncode, said in refused.stderr) == (code, True), (url, refused.stderr)
        assert "secret" not in refused.stderr
        assert "Traceback" not in refused.stderr
