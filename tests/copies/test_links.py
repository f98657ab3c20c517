"""What stands in a copy and is no file, or leads elsewhere, is neither followed nor believed."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.copies.places import COPY, DEVICE, VAULT, Directory, pack_of
from vaultd.copies.contract import FILE_LIMIT
from vaultd.copies.directory import DirectoryCopy
from vaultd.errors import (
    Damaged,
    Unreachable,
)

DATA = bytes(range(256)) * 40
NAME = pack_of(DATA)
OTHER = bytes(16)
FOLDER, LEAF = NAME.rpartition("/")[0], NAME.rpartition("/")[2]


def create(path: Path, copy_id: bytes = COPY) -> DirectoryCopy:
    return DirectoryCopy.create(path, VAULT, copy_id, "disk", DEVICE)


def everything(path: Path) -> dict[str, bytes]:
    return {str(p.relative_to(path)): p.read_bytes() for p in path.rglob("*") if p.is_file()}


def plant_link(path: Path, elsewhere: Path) -> None:
    elsewhere.mkdir()
    (elsewhere / LEAF).write_bytes(DATA)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(elsewhere)


@pytest.mark.parametrize("name", ["packs", FOLDER])
def test_a_folder_that_is_a_link_is_not_followed(directory: Directory, tmp_path: Path, name: str) -> None:
    plant_link(directory.path / name, tmp_path / "elsewhere")
    copy = directory.copy
    uses: list[Callable[[], object]] = [
        lambda: copy.put(NAME, DATA),
        lambda: copy.get(NAME),
        lambda: copy.fetch(NAME),
        lambda: copy.remove(NAME),
        lambda: copy.quarantine(NAME),
        lambda: list(copy.list()),
        lambda: list(copy.list("packs/")),
    ]
    for use in uses:
        with pytest.raises(Unreachable):
            use()
    assert list(copy.list("keys/")) == []
    assert list(copy.strangers()) == [name]
    assert copy.sweep(DEVICE) == 0
    assert everything(tmp_path / "elsewhere") == {LEAF: DATA}


def _link(path: Path) -> None:
    (path.parent / "target").write_bytes(DATA)
    path.symlink_to("target")


def _socket(path: Path) -> None:
    # the path of a socket may be 107 bytes long
    here = os.open(path.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(f"/proc/self/fd/{here}/s")
    os.rename(path.parent / "s", path)
    os.close(here)


NO_FILES: dict[str, Callable[[Path], None]] = {
    "link": _link,
    "dangling": lambda path: path.symlink_to("nowhere"),
    "folder": Path.mkdir,
    "fifo": os.mkfifo,
    "socket": _socket,
}


@pytest.mark.parametrize("kind", NO_FILES)
def test_what_is_no_file_is_damaged_and_set_aside(directory: Directory, kind: str) -> None:
    (directory.path / FOLDER).mkdir(parents=True)
    NO_FILES[kind](directory.path / NAME)
    for read in (directory.copy.get, directory.copy.fetch, directory.copy.read_back):
        with pytest.raises(Damaged):
            read(NAME)
    assert list(directory.copy.list()) == []
    assert NAME in directory.copy.strangers()
    directory.copy.put(NAME, DATA)
    assert directory.copy.fetch(NAME) == DATA
    assert not (directory.path / NAME).is_symlink()
    assert len(os.listdir(directory.path / "quarantine")) == 1


def test_an_id_that_is_a_link_is_none(directory: Directory, tmp_path: Path) -> None:
    directory.path.joinpath("vault.id").rename(tmp_path / "vault.id")
    directory.path.joinpath("vault.id").symlink_to(tmp_path / "vault.id")
    with pytest.raises(Damaged):
        DirectoryCopy.open(directory.path, COPY, "disk")


def test_a_text_that_is_a_link_is_replaced_not_followed(directory: Directory, tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    (directory.path / "README.txt").symlink_to(tmp_path / "precious")
    with pytest.raises(Damaged):
        directory.copy.get("README.txt")
    directory.copy.put("README.txt", b"text")
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert directory.copy.get("README.txt") == b"text"


def test_a_link_to_the_copy_itself_is_the_owners(directory: Directory, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(directory.path)
    copy = DirectoryCopy.open(tmp_path / "link", COPY, "disk")
    copy.put(NAME, DATA)
    assert directory.copy.fetch(NAME) == DATA


def test_a_file_over_the_limit_is_not_read(directory: Directory) -> None:
    directory.plant(NAME, b"")
    os.truncate(directory.path / NAME, FILE_LIMIT + 1)
    for read in (directory.copy.get, directory.copy.fetch, directory.copy.read_back):
        with pytest.raises(Damaged) as caught:
            read(NAME)
        assert caught.value.reason == "limit"
    directory.copy.put(NAME, DATA)
    assert directory.copy.fetch(NAME) == DATA
