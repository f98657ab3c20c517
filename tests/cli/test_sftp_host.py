"""A vault whose copy stands on a real SFTP host: made, written, read and checked there, and found again."""

from pathlib import Path

import pytest

from tests.cli.worlds import PASSPHRASE, World, make
from tests.copies.sshd import Sshd


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = make(tmp_path, {"a": b"1", "folder/b": b"2"}, "photos")
    (tmp_path / "pass").write_text(PASSPHRASE.text)
    (tmp_path / "pass").chmod(0o600)
    return world


def url_of(server: Sshd, folder: str) -> str:
    options = "&".join(f"{name}={value}" for name, value in server.options.items())
    return server.url(f"{server.root}/{folder}?{options}")


def test_everything_is_done_with_a_copy_on_a_host(world: World, server: Sshd) -> None:
    url, first = url_of(server, "vault"), ("--home", str(world.work / "new"), "--passphrase-file", "pass")
    made = world.vaultd("init", url, "--yes", *first)
    assert made.returncode == 0, made.stderr
    assert (server.root / "vault/README.txt").is_file()
    for words in (
        ("source", "add", "source", "--name", "more"),
        ("snapshot", "more"),
        ("check", "--read-data"),
    ):
        done = world.vaultd(*words, *first)
        assert done.returncode == 0, done.stdout + done.stderr
    for tongue, said in (("en", "cannot be seen from here"), ("zh", "从这里看不出来")):
        assert said in world.vaultd("status", *first, VAULTD_LANG=tongue).stderr
        assert "Traceback" not in world.vaultd("doctor", *first, VAULTD_LANG=tongue).stderr
    second = ("--home", str(world.work / "second"), "--passphrase-file", "pass")
    opened = world.vaultd("open", url, *second)
    assert opened.returncode == 0, opened.stderr
    assert world.vaultd("restore", "more", "--target", "back", *second).returncode == 0
    assert (world.work / "back/folder/b").read_bytes() == b"2"
    assert world.vaultd("init", url, "--yes", "--home", "third", "--passphrase-file", "pass").returncode == 1


def test_a_host_may_hold_the_second_copy(world: World, server: Sshd) -> None:
    words = ("--home", str(world.work / "new"), "--passphrase-file", "pass")
    made = world.vaultd("init", "here", "--second", url_of(server, "second"), "--yes", *words)
    assert made.returncode == 0, made.stderr
    assert world.vaultd("source", "add", "source", "--name", "more", *words).returncode == 0
    saved = world.vaultd("snapshot", "more", *words)
    assert (saved.returncode, "Protected" in saved.stdout + saved.stderr) == (0, True)
    server.stop()
    assert world.vaultd("snapshot", "more", *words).returncode == 3
    away = world.vaultd("status", *words)
    assert "nobody answers there" in away.stderr


def test_a_copy_is_added_on_a_host_later_and_taken_off_again(world: World, server: Sshd) -> None:
    added = world.vaultd("copy", "add", "nas", url_of(server, "later"))
    assert (added.returncode, "Protected" in added.stdout) == (0, True), added.stderr
    assert (server.root / "later/packs").is_dir()
    listed = world.vaultd("copy", "list")
    assert (listed.returncode, listed.stdout.count("whole")) == (0, 2)
    again = world.vaultd("copy", "add", "twice", url_of(server, "later"))
    assert (again.returncode, "is the place of" in again.stderr) == (1, True), again.stderr
    removed = world.vaultd("copy", "remove", "main")
    assert removed.returncode == 0, removed.stderr
    (world.work / "vault").rename(world.work / "away")
    assert world.vaultd("restore", "photos", "--target", "back").returncode == 0
    assert (world.work / "back/folder/b").read_bytes() == b"2"
    server.stop()
    away = world.vaultd("copy", "list")
    assert (away.returncode, "away" in away.stdout) != (0, True)


def test_what_is_wrong_with_the_host_is_said(world: World, server: Sshd) -> None:
    words = ("--home", str(world.work / "new"), "--passphrase-file", "pass")
    strange = url_of(server, "vault").replace("known_hosts=", "known_hosts=/none")
    for url, code, said in (
        (url_of(server, "nothing"), 10, "no vault"),
        (strange, 1, "Nothing says that “127.0.0.1” is the right host"),
        (url_of(server, "vault").replace("/id&", "/hostkey&"), 1, "with no key of yours"),
        ("sftp://me:secret@host/folder", 2, "could read the password"),
        ("sftp://host", 2, "something is missing in it"),
        ("gopher://host/folder", 2, "no such kind of place"),
    ):
        refused = world.vaultd("open", url, *words)
        assert (refused.returncode, said in refused.stderr) == (code, True), refused.stderr
        assert "secret" not in refused.stderr
        assert world.vaultd("open", url, *words, VAULTD_LANG="zh").returncode == code
    changed = server.folder / "known_hosts"
    server.make_host_key()
    server.stop()
    server.start()
    refused = world.vaultd("open", url_of(server, "vault"), *words)
    assert (refused.returncode, "ssh-keygen -R" in refused.stderr) == (1, True)
    assert changed.read_text().startswith("[127.0.0.1]")
