"""What only a directory has: open files, threads, and a path that may lead elsewhere tomorrow."""

import os
import shutil
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.copies.places import COPY, DEVICE, VAULT, Directory, pack_of
from tests.descriptors import open_below
from vaultd.copies import writing
from vaultd.copies.directory import DirectoryCopy
from vaultd.copies.folder import Handle
from vaultd.copies.names import unfinished_name
from vaultd.copies.openfiles import OpenFiles
from vaultd.errors import (
    Unreachable,
    WrongPlace,
)

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = bytes(range(256)) * 40
NAME = pack_of(DATA)
OTHER = bytes(16)
FOLDER, LEAF = NAME.rpartition("/")[0], NAME.rpartition("/")[2]


def create(path: Path, copy_id: bytes = COPY) -> DirectoryCopy:
    return DirectoryCopy.create(path, VAULT, copy_id, "disk", DEVICE)


def everything(path: Path) -> dict[str, bytes]:
    return {str(p.relative_to(path)): p.read_bytes() for p in path.rglob("*") if p.is_file()}


def test_names_that_are_no_text_are_strangers(directory: Directory) -> None:
    (directory.path / os.fsdecode(b"\xff\n")).touch()
    assert list(directory.copy.strangers()) == ["\udcff\n"]


def test_what_is_under_way_is_not_swept(directory: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    real, swept = os.fsync, list[int]()

    def sync(fd: int) -> None:
        swept.append(directory.copy.sweep(DEVICE))
        real(fd)

    directory.plant(unfinished_name(NAME, DEVICE, "0" * 16), b"left over")
    monkeypatch.setattr("vaultd.copies.folder.os.fsync", sync)
    directory.copy.put(NAME, DATA)
    assert sum(swept) == 1
    assert directory.copy.fetch(NAME) == DATA


def test_files_kept_open_are_few_and_let_go(directory: Directory) -> None:
    datas = [bytes([n]) * 100 for n in range(200)]
    for data in datas:
        directory.copy.put(pack_of(data), data)
    before = open_below(directory.path)
    for data in datas * 2:
        assert directory.copy.get(pack_of(data), 10, 5) == data[10:15]
    assert open_below(directory.path) <= before + 64
    directory.copy.close()
    assert open_below(directory.path) < before


def test_what_was_opened_before_a_change_is_not_kept(directory: Directory) -> None:
    directory.plant(NAME, DATA[::-1])
    kept, damaged = OpenFiles(), Handle(os.open(directory.path / NAME, os.O_RDONLY))
    before = kept.changes
    kept.forget(NAME)
    kept.keep(NAME, damaged, before)
    assert kept.find(NAME) is None
    kept.keep(NAME, damaged, kept.changes)
    assert kept.find(NAME) is damaged


def test_what_is_cached_is_dropped_and_what_is_kept_open_too(
    directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory.plant(NAME, DATA[::-1])
    dropped: list[tuple[int, int]] = []

    def noted(fd: int, start: int, length: int, advice: int) -> None:
        assert advice == os.POSIX_FADV_DONTNEED
        dropped.append((start, length))

    monkeypatch.setattr(os, "posix_fadvise", noted)
    assert directory.copy.get(NAME, 0, len(DATA)) == DATA[::-1]  # and is open from now on
    other = directory.path / "other"
    other.write_bytes(DATA)
    other.rename(directory.path / NAME)
    directory.copy.drop_cached(NAME)
    assert dropped == [(0, 0)]
    assert directory.copy.get(NAME, 0, len(DATA)) == DATA


def test_a_file_just_healed_is_not_set_aside(directory: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread has seen the damage and is about to move it when another puts the right bytes."""
    directory.plant(NAME, b"damaged")
    real, others = writing._is_damaged, list[threading.Thread]()

    def look(folder: Handle, name: str, digest: bytes | None) -> bool:
        found = real(folder, name, digest)
        if not others:
            others.append(threading.Thread(target=directory.copy.put, args=(NAME, DATA)))
            others[0].start()
            others[0].join(0.3)
        return found

    monkeypatch.setattr(writing, "_is_damaged", look)
    directory.copy.quarantine(NAME)
    others[0].join()
    assert directory.copy.fetch(NAME) == DATA
    assert [directory.copy.get(stored.name) for stored in directory.copy.quarantined()] == [b"damaged"]


def test_close_waits_for_nobody_and_cuts_nobody_off(directory: Directory) -> None:
    directory.copy.put(NAME, DATA)
    listing = directory.copy.list()
    directory.copy.close()
    with pytest.raises(Unreachable):
        next(listing)  # it had not begun
    copy = DirectoryCopy.open(directory.path, COPY, "disk")
    strangers = iter(copy.list())
    assert next(strangers).name == NAME
    copy.close()
    assert list(strangers) == []


def test_a_copy_replaced_under_way_is_not_written(directory: Directory, tmp_path: Path) -> None:
    directory.path.rename(tmp_path / "moved")
    other = create(directory.path, OTHER)
    before = everything(directory.path)
    uses: list[Callable[[], None]] = [
        lambda: directory.copy.put(NAME, DATA),
        lambda: directory.copy.remove(NAME),
        lambda: directory.copy.quarantine(NAME),
    ]
    for use in uses:
        with pytest.raises(WrongPlace) as caught:
            use()
        assert (caught.value.expected, caught.value.found) == (COPY.hex(), OTHER.hex())
    assert everything(directory.path) == before
    assert list(everything(tmp_path / "moved")) == ["vault.id"]
    other.close()


def test_an_id_that_changes_under_way_stops_writing(directory: Directory) -> None:
    other = f"vaultd 1\n{VAULT.hex()}\n{OTHER.hex()}\n".encode()
    (directory.path / "vault.id").write_bytes(other)
    with pytest.raises(WrongPlace):
        directory.copy.put(NAME, DATA)
    (directory.path / "vault.id").unlink()
    with pytest.raises(WrongPlace):
        directory.copy.put(NAME, DATA)
    assert everything(directory.path) == {}


def test_a_path_that_is_gone_is_no_answer(directory: Directory) -> None:
    directory.copy.put(NAME, DATA)
    shutil.rmtree(directory.path)
    uses: list[Callable[[], object]] = [
        lambda: directory.copy.fetch(NAME),
        lambda: directory.copy.put(NAME, DATA),
        lambda: list(directory.copy.list()),
    ]
    for use in uses:
        with pytest.raises(Unreachable):
            use()
