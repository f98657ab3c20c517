"""What can go wrong between here and a real SFTP host, and that each is told for what it is."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.copies.interrupted import eventually, put_until
from tests.copies.places import COPY, DEVICE, Sftp, held, one_of_each, pack_of
from tests.copies.sshd import Sshd
from vaultd.copies import locating
from vaultd.copies.contract import Copy
from vaultd.copies.locating import Location
from vaultd.copies.names import unfinished_name
from vaultd.copies.sftpplace import SFTP
from vaultd.errors import (
    Full,
    NoVault,
    ReadOnly,
    Unreachable,
    WrongPlace,
)

DATA = bytes(range(256)) * 40
NAME = pack_of(DATA)
LARGE = os.urandom(48 * 1024 * 1024)
LARGE_NAME = pack_of(LARGE)


def reopened(place: Sftp, limit: float = 10.0) -> Copy:
    return SFTP.open_copy(place.where, COPY, "nas", DEVICE, limit)


def unfinished(place: Sftp) -> list[str]:
    return [name for name in place.names() if name.endswith(".tmp")]


def test_a_server_killed_in_the_middle_of_a_put_leaves_nothing_but_a_part(nas: Sftp, server: Sshd) -> None:
    raised = put_until(nas.copy, LARGE_NAME, LARGE, nas.path, server.stop)
    assert len(raised) == 1
    assert len(unfinished(nas)) == 1
    assert not (nas.path / LARGE_NAME).exists()
    server.start()
    eventually(lambda: nas.copy.put(LARGE_NAME, LARGE))
    assert nas.copy.fetch(LARGE_NAME) == LARGE
    assert nas.copy.sweep(DEVICE) == 1
    assert sorted(nas.names()) == sorted([LARGE_NAME, "vault.id"])


def test_a_connection_that_was_cut_is_made_anew_once(nas: Sftp, server: Sshd) -> None:
    def cut() -> None:
        for pid in server.tree()[1:]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    assert put_until(nas.copy, LARGE_NAME, LARGE, nas.path, cut) == []
    assert nas.copy.fetch(LARGE_NAME) == LARGE
    assert nas.copy.get(LARGE_NAME, 10, 10) == LARGE[10:20]
    cut()
    assert nas.copy.get(LARGE_NAME, 10, 10) == LARGE[10:20]  # its handle went with the connection


def test_a_host_that_hangs_is_given_up(nas: Sftp, server: Sshd) -> None:
    nas.copy.put(NAME, DATA)
    copy = reopened(nas, limit=1.0)
    server.signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        uses: list[Callable[[], object]] = [
            lambda: copy.fetch(NAME),
            lambda: copy.put(NAME, DATA),
            lambda: list(copy.list()),
            copy.space,
        ]
        for use in uses * 10:
            with pytest.raises(Unreachable) as caught:
                use()
            assert caught.value.reason == "ETIMEDOUT"
        assert time.monotonic() - began < 15
    finally:
        server.signal(signal.SIGCONT)
    eventually(lambda: copy.read_back(NAME))
    copy.close()


def test_a_host_that_hangs_in_the_middle_of_a_put_is_given_up(nas: Sftp, server: Sshd) -> None:
    nas.copy.close()
    nas.copy = reopened(nas, limit=1.0)
    try:
        began = time.monotonic()
        raised = put_until(nas.copy, LARGE_NAME, LARGE, nas.path, lambda: server.signal(signal.SIGSTOP))
        assert len(raised) == 1
        assert time.monotonic() - began < 15
    finally:
        server.signal(signal.SIGCONT)


@contextmanager
def mounted(at: Path, *options: str) -> Iterator[None]:
    if os.geteuid():
        pytest.skip("mounting needs root, and this test has to mount")
    at.mkdir(exist_ok=True)
    done = subprocess.run(["mount", *options, str(at)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this system does not let root mount: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(at)], check=True)


def test_a_full_disk_is_told_from_a_failure(server: Sshd, tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.touch()
    os.truncate(image, 16 * 1024 * 1024)
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True, capture_output=True)
    at = server.root / "small"
    with mounted(at, "-o", "loop", str(image)):
        where = Location(server.url(at / "copy"), server.options)
        copy = locating.create_copy(where, bytes(16), COPY, "nas", DEVICE)
        copy.put(NAME, DATA)
        with pytest.raises(Full) as caught:
            copy.put(LARGE_NAME, LARGE)
        assert caught.value.place == "nas"
        assert not list(at.rglob("*.tmp"))
        assert held(copy) == {NAME: len(DATA)}
        copy.put(pack_of(b"small"), b"small")
        copy.close()


def test_a_disk_that_can_only_be_read_is_told_from_a_failure(nas: Sftp) -> None:
    nas.copy.put(NAME, DATA)
    with mounted(nas.path, "--bind", str(nas.path)):
        subprocess.run(["mount", "-o", "remount,ro,bind", str(nas.path)], check=True)
        with pytest.raises(ReadOnly):
            nas.copy.put(pack_of(b"new"), b"new")
        with pytest.raises(ReadOnly):
            nas.copy.remove(NAME)
        assert nas.copy.fetch(NAME) == DATA


@pytest.fixture
def second(nas: Sftp, server: Sshd) -> Iterator[Callable[[str], Copy]]:
    """The same copy by a server of other words for its SFTP part."""
    opened: list[Copy] = []

    def serve(sftp: str) -> Copy:
        server.stop()
        server.sftp = sftp
        server.start()
        opened.append(reopened(nas))
        return opened[-1]

    yield serve
    for copy in opened:
        copy.close()


def test_a_server_that_lets_nobody_write_is_read_only(nas: Sftp, second: Callable[[str], Copy]) -> None:
    nas.copy.put(NAME, DATA)
    nas.plant(unfinished_name(NAME, DEVICE, "0" * 16), b"half")
    copy = second("-R")
    changes: list[Callable[[], object]] = [
        lambda: copy.put(pack_of(b"new"), b"new"),
        lambda: copy.remove(NAME),
        lambda: copy.quarantine(NAME, whole=True),
        lambda: copy.sweep(DEVICE),
        copy.abilities,
    ]
    for change in changes:
        with pytest.raises(ReadOnly):
            change()
    assert copy.fetch(NAME) == DATA


@pytest.mark.parametrize("denied", ["opendir", "open", "lstat", "read", "readdir"])
def test_what_may_not_be_seen_is_not_absent(nas: Sftp, second: Callable[[str], Copy], denied: str) -> None:
    nas.copy.put(NAME, DATA)
    with pytest.raises(Unreachable):
        list(second(f"-P {denied}").list())


def test_without_fsync_and_posix_rename_the_rest_holds(nas: Sftp, second: Callable[[str], Copy]) -> None:
    copy = second("-P fsync,posix-rename,statvfs,hardlink,limits")
    abilities = copy.abilities()
    assert (abilities.syncs, abilities.exclusive, abilities.keeps) == (False, True, True)
    files = one_of_each(DATA)
    for name, data in files.items():
        copy.put(name, data)
        copy.read_back(name)
    for text in (b"old", b"new"):
        copy.put("README.txt", text)
        assert copy.get("README.txt") == text
    assert held(copy) == {name: len(data) for name, data in files.items()}
    assert copy.space().total == 0


def test_another_copy_in_its_place_is_not_written_and_misses_nothing(nas: Sftp) -> None:
    other = f"vaultd 1\n{'0' * 32}\n{'1' * 32}\n".encode()
    nas.plant("vault.id", other)
    with pytest.raises(Unreachable):
        nas.copy.fetch(NAME)
    with pytest.raises(Unreachable):
        list(nas.copy.list())
    with pytest.raises(WrongPlace) as caught:
        nas.copy.put(NAME, DATA)
    assert (caught.value.expected, caught.value.found) == (COPY.hex(), "1" * 32)
    with pytest.raises(WrongPlace):
        reopened(nas)
    assert sorted(nas.names()) == ["vault.id"]


def test_a_folder_that_is_not_there_is_no_answer(nas: Sftp) -> None:
    nas.copy.put(NAME, DATA)
    nas.path.rename(nas.path.with_name("away"))
    uses: list[Callable[[], object]] = [
        lambda: nas.copy.fetch(NAME),
        lambda: list(nas.copy.list()),
        lambda: nas.copy.put(NAME, DATA),
        lambda: reopened(nas),
    ]
    for use in uses:
        with pytest.raises(Unreachable):
            use()
    with pytest.raises(NoVault):
        locating.open_copy(nas.where, None, "nas")
    assert list(nas.path.parent.iterdir()) == [nas.path.with_name("away")]
