"""What can go wrong between here and a real Samba server, and that each is told for what it is."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.copies import smbd
from tests.copies.interrupted import eventually, put_until
from tests.copies.places import COPY, DEVICE, VAULT, Smb, held, pack_of
from tests.copies.smbd import WORD, Smbd
from vaultd.copies import locating
from vaultd.copies.contract import Copy
from vaultd.copies.locating import Location, locate
from vaultd.copies.smbplace import SMB
from vaultd.copies.smburl import PASSWORD, parse_url, password_of
from vaultd.errors import (
    BadPasswordFile,
    BadUrl,
    Full,
    NeedsPassword,
    NotAFolder,
    NoVault,
    PasswordRefused,
    ReadOnly,
    ShareUnknown,
    Unreachable,
    VaultExists,
    WrongPlace,
)

DATA = bytes(range(256)) * 40
NAME = pack_of(DATA)
LARGE = os.urandom(24 * 1024 * 1024)
LARGE_NAME = pack_of(LARGE)


@pytest.fixture
def server() -> Iterator[Smbd]:
    made = smbd.make()
    yield made
    made.stop()


@pytest.fixture
def share(server: Smbd, tmp_path: Path) -> Iterator[Smb]:
    made = Smb(tmp_path, server)
    yield made
    made.copy.close()


def reopened(place: Smb, limit: float = 10.0) -> Copy:
    return SMB.open_copy(place.where, COPY, "share", DEVICE, limit)


def test_a_server_killed_in_the_middle_of_a_put_leaves_nothing_but_a_part(share: Smb, server: Smbd) -> None:
    assert len(put_until(share.copy, LARGE_NAME, LARGE, share.path, server.stop)) == 1
    assert not (share.path / LARGE_NAME).exists()
    server.start()
    eventually(lambda: share.copy.put(LARGE_NAME, LARGE))
    assert share.copy.fetch(LARGE_NAME) == LARGE
    share.copy.sweep(DEVICE)
    assert sorted(share.names()) == sorted([LARGE_NAME, "vault.id"])


def test_a_connection_that_was_cut_is_made_anew_once(share: Smb, server: Smbd) -> None:
    share.copy.put(NAME, DATA)
    server.stop()
    server.start()
    assert share.copy.get(NAME, 10, 10) == DATA[10:20]


def test_a_server_that_hangs_is_given_up(share: Smb, server: Smbd) -> None:
    share.copy.put(NAME, DATA)
    copy = reopened(share, limit=1.0)
    server.signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        for use in (lambda: copy.fetch(NAME), lambda: copy.put(NAME, DATA), lambda: list(copy.list())):
            with pytest.raises(Unreachable):
                use()
        assert time.monotonic() - began < 30
    finally:
        server.signal(signal.SIGCONT)
    eventually(lambda: copy.read_back(NAME))
    copy.close()


def test_a_server_that_hangs_in_the_middle_of_a_put_keeps_no_thread(share: Smb, server: Smbd) -> None:
    share.copy.close()
    before = set(threading.enumerate())
    share.copy = reopened(share, limit=1.0)
    try:
        began = time.monotonic()
        hang = partial(server.signal, signal.SIGSTOP)
        assert len(put_until(share.copy, LARGE_NAME, LARGE, share.path, hang)) == 1
        assert time.monotonic() - began < 30
        end = time.monotonic() + 10
        while any(each.name.startswith("vaultd-smb") for each in set(threading.enumerate()) - before):
            assert time.monotonic() < end
            time.sleep(0.05)
    finally:
        server.signal(signal.SIGCONT)


def test_a_listing_that_breaks_off_is_no_short_listing(share: Smb, server: Smbd) -> None:
    for number in range(50):
        data = b"%d" % number
        share.copy.put(pack_of(data), data)
    names = share.copy.list()
    next(names)
    server.stop()
    with pytest.raises(Unreachable):
        list(names)


def test_the_wrong_password_is_told_and_never_shown(share: Smb) -> None:
    (share.server.folder / "password").write_text("other\n")
    try:
        with pytest.raises(PasswordRefused) as caught:
            reopened(share)
    finally:
        (share.server.folder / "password").write_text(WORD + "\n")
    assert (caught.value.host, "other" in repr(caught.value)) == ("127.0.0.1", False)


def test_what_is_not_there_is_told(share: Smb, server: Smbd) -> None:
    folder = share.path.parent.name
    for url, kind in (
        (server.url(f"{folder}/copy", "nothing"), ShareUnknown),
        (server.url(f"{folder}/other"), NoVault),
        (server.url(folder), NoVault),
    ):
        with pytest.raises(kind):
            locating.open_copy(Location(url, server.options), None, "share", DEVICE)
    with pytest.raises(VaultExists):
        locating.create_copy(share.where, VAULT, bytes(16), "again", DEVICE)
    deep = Location(server.url(f"{folder}/not/there"), server.options)
    with pytest.raises(NotAFolder):
        locating.create_copy(deep, VAULT, COPY, "deep", DEVICE)
    server.stop()
    with pytest.raises(Unreachable):
        reopened(share, limit=3.0)


def test_another_copy_in_its_place_is_not_written(share: Smb) -> None:
    (share.path / "vault.id").write_text(f"vaultd 1\n{VAULT.hex()}\n{bytes(16).hex()}\n")
    with pytest.raises(WrongPlace):
        share.copy.put(NAME, DATA)
    with pytest.raises(WrongPlace):
        reopened(share)
    assert not (share.path / "packs").exists()


def test_a_share_that_can_only_be_read_is_read_and_not_written(share: Smb, server: Smbd) -> None:
    share.copy.put(NAME, DATA)
    share.copy.close()
    server.stop()
    server.start(read_only=True)
    copy = reopened(share)
    assert copy.fetch(NAME) == DATA
    with pytest.raises(ReadOnly):
        copy.put(LARGE_NAME, LARGE)
    copy.close()
    server.stop()
    server.start()
    share.copy = reopened(share)


def test_a_full_share_keeps_what_it_had(server: Smbd, tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("mounting needs root, and this test has to mount")
    small = server.share / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(small)], check=True)
    try:
        where = Location(server.url("small/copy"), server.options)
        copy = locating.create_copy(where, VAULT, COPY, "small", DEVICE)
        copy.put(NAME, DATA)
        with pytest.raises(Full):
            copy.put(LARGE_NAME, LARGE)
        assert held(copy) == {NAME: len(DATA)}
        assert not list(small.rglob("*.tmp"))
        copy.close()
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_names_of_another_case_are_strangers(share: Smb) -> None:
    """The server finds a file under either; ours are in small letters."""
    share.copy.put(NAME, DATA)
    share.plant(LARGE_NAME.upper().replace("PACKS/", "packs/"), b"not ours")
    assert held(share.copy) == {NAME: len(DATA)}


@pytest.mark.parametrize(
    "url",
    [
        "smb://host/share/folder",  # nobody to log in as
        "smb://me@host/share",
        "smb://me@/share/folder",
        "smb://me@host/share/fol:der",
        "smb://me@host/share/../other",
        "smb://me@host/share/a\\b",
        "smb://me@host/share/folder?password=x",
        "smb://me@host/share/folder?password_file=relative",
        "smb://me@host:x/share/folder",
    ],
)
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(BadUrl):
        parse_url(url)


def test_a_password_in_the_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(BadUrl) as caught:
        locate("smb://me:secret@host/share/folder")
    assert "secret" not in str(caught.value.url)
    assert parse_url("smb://me@[::1]:1445/share/a b").url == "smb://me@[::1]:1445/share/a%20b"


def test_where_the_password_comes_from(tmp_path: Path) -> None:
    address, file = parse_url("smb://me@host/share/folder"), tmp_path / "word"
    options = {"password_file": str(file)}
    assert password_of(address, options, {PASSWORD: "given"}) == "given"
    with pytest.raises(NeedsPassword):
        password_of(address, {}, {})
    for mode, text, problem in ((0o644, "word\n", "open"), (0o600, "\n", "shape"), (None, "", "ENOENT")):
        file.unlink(missing_ok=True)
        if mode is not None:
            file.write_text(text)
            file.chmod(mode)
        with pytest.raises(BadPasswordFile) as caught:
            password_of(address, options, {})
        assert caught.value.problem == problem
    file.write_text("my word \nnot this\n")
    file.chmod(0o600)
    assert password_of(address, options, {}) == "my word "
    assert password_of(parse_url(f"smb://me@host/share/folder?password_file={file}"), {}, {}) == "my word "
