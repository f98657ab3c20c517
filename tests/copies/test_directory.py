"""What only a directory can be: another one, a link, a bare mount point, read-only, full, not there."""

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.copies.places import COPY, DEVICE, VAULT, Directory, pack_of
from vaultd.copies import writing
from vaultd.copies.contract import FILE_LIMIT, Copy
from vaultd.copies.directory import DirectoryCopy
from vaultd.copies.folder import Handle
from vaultd.copies.names import unfinished_name
from vaultd.copies.openfiles import OpenFiles
from vaultd.errors import (
    Damaged,
    Full,
    Missing,
    NotAFolder,
    NotEmpty,
    NoVault,
    ReadOnly,
    TooNew,
    Unreachable,
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


# Making and opening.


def test_a_new_copy_says_who_it_is_and_is_for_its_owner_only(tmp_path: Path) -> None:
    copy = create(tmp_path / "copy")
    copy.put(NAME, DATA)
    expected = f"vaultd 1\n{VAULT.hex()}\n{COPY.hex()}\n".encode()
    assert everything(tmp_path / "copy") == {"vault.id": expected, NAME: DATA}
    assert (copy.vault_id, copy.copy_id, copy.label) == (VAULT, COPY, "disk")
    for path in (tmp_path / "copy").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o700


def test_what_is_there_is_opened_by_its_id(tmp_path: Path) -> None:
    create(tmp_path / "copy").put(NAME, DATA)
    for expected in (None, COPY):
        copy = DirectoryCopy.open(tmp_path / "copy", expected, "again")
        assert (copy.copy_id, copy.fetch(NAME)) == (COPY, DATA)
    with pytest.raises(WrongPlace) as caught:
        DirectoryCopy.open(tmp_path / "copy", OTHER, "disk")
    assert (caught.value.expected, caught.value.found) == (OTHER.hex(), COPY.hex())


def test_a_vault_is_never_made_over_another(tmp_path: Path) -> None:
    create(tmp_path / "copy").put(NAME, DATA)
    before = everything(tmp_path / "copy")
    with pytest.raises(VaultExists):
        create(tmp_path / "copy", OTHER)
    (tmp_path / "copy/vault.id").write_bytes(b"")
    with pytest.raises(VaultExists):
        create(tmp_path / "copy", OTHER)
    (tmp_path / "copy/vault.id").unlink()
    with pytest.raises(NotEmpty):
        create(tmp_path / "copy", OTHER)
    assert everything(tmp_path / "copy") == {NAME: before[NAME]}


def test_two_that_make_a_copy_at_once_make_one(tmp_path: Path) -> None:
    for turn in range(20):
        path, made = tmp_path / str(turn), list[bytes]()

        def make(copy_id: bytes, path: Path = path, made: list[bytes] = made) -> None:
            with suppress(VaultExists, NotEmpty):
                made.append(create(path, copy_id).copy_id)

        threads = [threading.Thread(target=make, args=(bytes([n]) * 16,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert made == [DirectoryCopy.open(path, None, "disk").copy_id]


def test_what_systems_put_on_every_disk_is_no_obstacle(tmp_path: Path) -> None:
    for name in ("lost+found", "System Volume Information", "@eaDir"):
        (tmp_path / "disk" / name).mkdir(parents=True)
    (tmp_path / "disk/.DS_Store").touch()
    assert sorted(create(tmp_path / "disk").strangers())[:2] == [".DS_Store", "@eaDir"]


@pytest.mark.parametrize("name", ["holiday.jpg", "packs", f"vault.id.{DEVICE}.tmp"])
def test_a_folder_with_other_things_is_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(NotEmpty):
        create(tmp_path)
    assert everything(tmp_path) == {name: b""}


def test_only_the_last_folder_is_made(tmp_path: Path) -> None:
    """A missing parent is a disk that is not mounted."""
    with pytest.raises(NotAFolder) as caught:
        create(tmp_path / "mnt/disk/copy")
    assert caught.value.path == os.fsencode(tmp_path / "mnt/disk")
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file/copy"):
        with pytest.raises(NotAFolder):
            create(path)
    assert everything(tmp_path) == {"file": b""}


def test_where_there_is_no_vault(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(NoVault):
            DirectoryCopy.open(path, None, "disk")
    with pytest.raises(NoVault):
        DirectoryCopy.open(tmp_path, COPY, "disk")
    with pytest.raises(Unreachable):
        DirectoryCopy.open(tmp_path / "nothing", COPY, "disk")
    (tmp_path / "file").touch()
    with pytest.raises(NotAFolder):
        DirectoryCopy.open(tmp_path / "file", COPY, "disk")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"", Damaged),
        (b"vaultd 1\n", Damaged),
        (f"vaultd 1\n{VAULT.hex()}\n{COPY.hex()}".encode(), Damaged),
        (f"vaultd 1\n{VAULT.hex()}\n{COPY.hex()}\n\n".encode(), Damaged),
        (f"vaultd 1\r\n{VAULT.hex()}\r\n{COPY.hex()}\r\n".encode(), Damaged),
        (f"vaultd 2\n{VAULT.hex()}\n".encode(), TooNew),
        (bytes(1000), Damaged),
    ],
)
def test_an_id_that_is_none_is_not_guessed_at(tmp_path: Path, text: bytes, error: type[Exception]) -> None:
    (tmp_path / "vault.id").write_bytes(text)
    with pytest.raises(error):
        DirectoryCopy.open(tmp_path, COPY, "disk")


def test_a_device_is_sixteen_hex_digits(directory: Directory) -> None:
    for device in ("", "../x", "D1" * 8, "d1" * 9):
        with pytest.raises(ValueError, match="^" + device + "$" if device else None):
            DirectoryCopy.open(directory.path, None, "disk", device)


# Things that are no files, and links that lead elsewhere.


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
    before = len(os.listdir("/proc/self/fd"))
    for data in datas * 2:
        assert directory.copy.get(pack_of(data), 10, 5) == data[10:15]
    assert len(os.listdir("/proc/self/fd")) <= before + 64
    directory.copy.close()
    assert len(os.listdir("/proc/self/fd")) < before


def test_what_was_opened_before_a_change_is_not_kept(directory: Directory) -> None:
    directory.plant(NAME, DATA[::-1])
    kept, damaged = OpenFiles(), Handle(os.open(directory.path / NAME, os.O_RDONLY))
    before = kept.changes
    kept.forget(NAME)
    kept.keep(NAME, damaged, before)
    assert kept.find(NAME) is None
    kept.keep(NAME, damaged, kept.changes)
    assert kept.find(NAME) is damaged


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


# The place turns into another one.


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


# Real mounts.


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
