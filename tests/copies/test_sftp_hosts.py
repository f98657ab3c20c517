"""Whether a host is the right one, and lets us in: said by type, and with what to do next."""

import subprocess
from pathlib import Path

import pytest

from tests.copies.places import COPY, DEVICE, VAULT, Sftp, pack_of
from tests.copies.sshd import Sshd
from vaultd.copies import locating
from vaultd.copies.locating import Location, locate
from vaultd.copies.sftpurl import Address, parse_url
from vaultd.errors import BadUrl, HostChanged, HostUnknown, LoginRefused, NotAFolder, Unreachable, VaultExists

DATA = b"data"


def fingerprint(server: Sshd) -> str:
    command = ["ssh-keygen", "-l", "-f", str(server.folder / "hostkey.pub")]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[1]


def reopen(place: Sftp, **options: str) -> None:
    where = Location(place.where.url, {**place.where.options, **options})
    locating.open_copy(where, COPY, "nas").close()


@pytest.mark.parametrize("known", [None, "", "elsewhere ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==\n"])
def test_a_host_that_nobody_knows_is_not_trusted(nas: Sftp, tmp_path: Path, known: str | None) -> None:
    file = tmp_path / "known"
    if known is not None:
        file.write_text(known)
    with pytest.raises(HostUnknown) as caught:
        reopen(nas, known_hosts=str(file))
    error = caught.value
    assert not isinstance(error, HostChanged)
    assert (error.host, error.port, error.fingerprint) == (
        "127.0.0.1",
        nas.server.port,
        fingerprint(nas.server),
    )
    assert error.known_hosts == str(file)
    assert (file.read_text() if file.exists() else None) == known


def test_known_hosts_are_looked_for_in_the_home(
    nas: Sftp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    where = Location(nas.where.url, {"key_file": nas.server.options["key_file"]})
    with pytest.raises(HostUnknown):
        locating.open_copy(where, COPY, "nas")
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/known_hosts").write_bytes((nas.server.folder / "known_hosts").read_bytes())
    locating.open_copy(where, COPY, "nas").close()


def test_a_host_with_another_key_is_not_trusted(nas: Sftp) -> None:
    nas.server.stop()
    nas.server.make_host_key()
    nas.server.start()
    with pytest.raises(HostChanged) as caught:
        reopen(nas)
    assert caught.value.fingerprint == fingerprint(nas.server)
    with pytest.raises(HostChanged):
        nas.copy.put(pack_of(DATA), DATA)
    assert sorted(nas.names()) == ["vault.id"]
    nas.server.introduce()
    reopen(nas)


def test_a_host_that_has_only_another_kind_of_key_does_not_answer(nas: Sftp) -> None:
    nas.server.stop()
    nas.server.make_host_key("ecdsa")
    nas.server.start()
    with pytest.raises(Unreachable):
        reopen(nas)


def test_a_key_that_is_not_let_in_is_said(nas: Sftp) -> None:
    (nas.server.folder / "authorized_keys").write_text("")
    with pytest.raises(LoginRefused) as caught:
        reopen(nas)
    assert (caught.value.host, caught.value.reason) == ("127.0.0.1", "login")


def test_a_key_file_that_cannot_be_used_is_said(nas: Sftp, tmp_path: Path) -> None:
    locked, none, noise = tmp_path / "locked", tmp_path / "none", tmp_path / "noise"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", str(locked)]
    subprocess.run(command, check=True)
    noise.write_text("no key\n")
    for path in (locked, none, noise):
        with pytest.raises(LoginRefused) as caught:
            reopen(nas, key_file=str(path))
        assert caught.value.key_file == str(path)


def test_where_nobody_listens_there_is_no_answer(nas: Sftp) -> None:
    nas.server.stop()
    with pytest.raises(Unreachable) as caught:
        reopen(nas)
    assert caught.value.reason == "ECONNREFUSED"
    with pytest.raises(Unreachable) as caught:
        locating.open_copy(Location("sftp://no-such-host.invalid/copy", nas.where.options), COPY, "nas")
    assert caught.value.reason == "EHOSTUNREACH"


def test_where_there_is_no_sftp_there_is_no_answer(nas: Sftp) -> None:
    nas.server.stop()
    nas.server.more = ("ForceCommand /bin/false",)
    nas.server.start()
    with pytest.raises(Unreachable):
        reopen(nas)
    nas.server.stop()
    nas.server.more = ("ChrootDirectory /nowhere",)
    nas.server.start()
    with pytest.raises(Unreachable):
        reopen(nas)


def test_only_the_last_folder_is_made(nas: Sftp) -> None:
    server = nas.server
    (server.root / "file").touch()
    for path in ("mnt/disk/copy", "file", "file/copy"):
        where = Location(server.url(server.root / path), server.options)
        for attempt in (locating.refuse_taken, lambda each: locating.create_copy(each, VAULT, COPY, "nas")):
            with pytest.raises(NotAFolder):
                attempt(where)
    with pytest.raises(VaultExists):
        locating.create_copy(nas.where, VAULT, bytes(16), "nas", DEVICE)
    with pytest.raises(VaultExists):
        locating.refuse_taken(nas.where)
    assert sorted(path.name for path in server.root.iterdir()) == ["file", nas.path.parent.name]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sftp://host/a/b", Address("", "host", 22, "/a/b")),
        ("sftp://me@host:2222//a//b/", Address("me", "host", 2222, "/a/b")),
        ("SFTP://me@HOST/a%20b", Address("me", "host", 22, "/a b")),
        ("sftp://me@[::1]:23/~/a/b", Address("me", "::1", 23, "a/b")),
        ("sftp://m%20e@host/a%3Fb?key_file=/k", Address("m e", "host", 22, "/a?b", "key_file=/k")),
    ],
)
def test_a_url_is_taken_apart(url: str, expected: Address) -> None:
    assert parse_url(url) == expected
    assert parse_url(locate(url).url) == expected


@pytest.mark.parametrize(
    "url",
    [
        *("sftp://", "sftp://host", "sftp://host/", "sftp:///a", "sftp://host/~/", "sftp://host:x/a"),
        *("sftp://host:99999/a", "sftp://-o/a", "sftp://-l@host/a", "sftp://host/a/../b", "sftp://host/a?b"),
        *("sftp://host/a#b", "sftp://host/a%00b", "sftp://host/a?key_file=k", "sftp://host/a?key_file"),
        *("sftp://host/a?known_hosts=/k&known_hosts=/l", "sftp://host/a?colour=/red"),
    ],
)
def test_a_url_that_says_too_little_or_too_much_is_refused(url: str) -> None:
    with pytest.raises(BadUrl) as caught:
        locate(url)
    assert caught.value.problem == "shape"


def test_a_url_with_a_password_is_refused_and_not_repeated() -> None:
    for url in ("sftp://me:secret@host/a", "sftp://me:@host/a"):
        with pytest.raises(BadUrl) as caught:
            locate(url)
        assert (caught.value.problem, "secret" in str(caught.value)) == ("password", False)


@pytest.mark.parametrize("options", [{"key_file": 1}, {"known_hosts": ""}, {"key_file": ["a"]}])
def test_options_of_another_shape_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(BadUrl) as caught:
        locating.open_copy(Location("sftp://host/a", options), None, "nas")
    assert caught.value.problem == "options"


def test_a_folder_of_the_home_is_made_and_opened(nas: Sftp) -> None:
    nas.server.stop()
    nas.server.sftp = f"-d {nas.server.root}"
    nas.server.start()
    where = Location(f"sftp://127.0.0.1:{nas.server.port}/~/second", nas.server.options)
    locating.create_copy(where, VAULT, bytes(16), "nas", DEVICE).close()
    assert (nas.server.root / "second/vault.id").is_file()
    copy = locating.open_copy(where, None, "nas")
    assert copy.copy_id == bytes(16)
    copy.close()
