"""Real disks that go away, are mounted over, cannot be written, or are full."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.copies.places import COPY, DEVICE, VAULT, Directory, pack_of
from vaultd.copies.contract import Copy
from vaultd.copies.directory import DirectoryCopy
from vaultd.copies.names import unfinished_name
from vaultd.errors import (
    Full,
    Missing,
    NoVault,
    ReadOnly,
    VaultExists,
    WrongPlace,
)

DATA = bytes(range(256)) * 40
NAME = pack_of(DATA)
OTHER = bytes(16)
FOLDER, LEAF = NAME.rpartition("/")[0], NAME.rpartition("/")[2]


def create(path: Path, copy_id: bytes = COPY) -> DirectoryCopy:
    return DirectoryCopy.create(path, VAULT, copy_id, "disk", DEVICE)


def everything(path: Path) -> dict[str, bytes]:
    return {str(p.relative_to(path)): p.read_bytes() for p in path.rglob("*") if p.is_file()}


@contextmanager
def mounted(point: Path, *options: str) -> Iterator[None]:
    if os.geteuid():
        pytest.skip("mounting needs root, and this test has to mount")
    point.mkdir(exist_ok=True)
    done = subprocess.run(["mount", *options, str(point)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this system does not let root mount: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(point)], check=True)


def test_nothing_is_written_under_a_disk_that_went_away(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with mounted(disk, "-t", "tmpfs", "vaultd-test"):
        copy = create(disk / ".")
        copy.put(pack_of(b"1"), b"1")
        subprocess.run(["umount", "-l", str(disk)], check=True)
        try:
            with pytest.raises(WrongPlace) as caught:
                copy.put(NAME, DATA)
            assert caught.value.found == ""
            assert os.listdir(disk) == []
            with pytest.raises(NoVault):
                DirectoryCopy.open(disk, COPY, "disk")
        finally:
            subprocess.run(["mount", "-t", "tmpfs", "vaultd-test", str(disk)], check=True)
        with pytest.raises(WrongPlace):
            copy.put(NAME, DATA)
        assert os.listdir(disk) == []


def test_another_disk_mounted_over_a_copy_is_not_written(directory: Directory, tmp_path: Path) -> None:
    create(tmp_path / "other", OTHER)
    with mounted(directory.path, "--bind", str(tmp_path / "other")):
        with pytest.raises(WrongPlace):
            directory.copy.put(NAME, DATA)
        assert list(everything(tmp_path / "other")) == ["vault.id"]
    directory.copy.put(NAME, DATA)
    assert directory.copy.fetch(NAME) == DATA


def test_a_read_only_disk_is_read_and_not_written(directory: Directory, tmp_path: Path) -> None:
    directory.copy.put(NAME, DATA)
    directory.plant(unfinished_name(NAME, DEVICE, "0" * 16), b"left over")
    disk = tmp_path / "disk"
    with mounted(disk, "--bind", str(directory.path)):
        subprocess.run(["mount", "-o", "remount,ro,bind", str(disk)], check=True)
        copy = DirectoryCopy.open(disk, COPY, "disk", DEVICE)
        assert copy.fetch(NAME) == copy.get(NAME, 0, len(DATA)) == DATA
        copy.read_back(NAME)
        assert [stored.name for stored in copy.list()] == [NAME]
        uses: list[Callable[[], object]] = [
            lambda: copy.put(pack_of(b"1"), b"1"),
            lambda: copy.put("README.txt", b"1"),
            lambda: copy.remove(NAME),
            lambda: copy.sweep(DEVICE),
            lambda: create(disk / "new"),
        ]
        for use in uses:
            with pytest.raises(ReadOnly):
                use()
        with pytest.raises(VaultExists):
            create(disk)


def fill(copy: Copy, size: int) -> dict[str, bytes]:
    """Put packs until no more go in; those that were promised."""
    promised: dict[str, bytes] = {}
    with suppress(Full):
        while True:
            data = os.urandom(size)
            copy.put(pack_of(data), data)
            promised[pack_of(data)] = data
    return promised


@pytest.mark.parametrize(("limit", "size"), [("size=4m", 256 * 1024), ("nr_inodes=40", 100)])
def test_a_full_disk_keeps_what_was_promised_and_nothing_else(tmp_path: Path, limit: str, size: int) -> None:
    disk = tmp_path / "disk"
    with mounted(disk, "-t", "tmpfs", "-o", limit, "vaultd-test"):
        copy = create(disk)
        promised = fill(copy, size)
        assert {stored.name for stored in copy.list()} == set(promised)
        assert set(everything(disk)) == {*promised, "vault.id"}
        for name, data in promised.items():
            assert copy.fetch(name) == data
        name, data = promised.popitem()
        copy.remove(name)
        copy.put(name, data)


def test_a_full_disk_says_how_much_is_free(tmp_path: Path) -> None:
    disk, data = tmp_path / "disk", os.urandom(2 * 1024 * 1024)
    with mounted(disk, "-t", "tmpfs", "-o", "size=1m", "vaultd-test"):
        copy = create(disk)
        with pytest.raises(Full) as caught:
            copy.put(pack_of(data), data)
        assert 0 < caught.value.free < 1024 * 1024
        assert caught.value.free == copy.space().free


def test_what_is_not_there_on_a_disk_is_missing(directory: Directory) -> None:
    with pytest.raises(Missing):
        directory.copy.get(NAME, 0, 5)
