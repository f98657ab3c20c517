"""A directory is made once, opened by its id, and left alone where it holds anything else."""

import os
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from tests.copies.places import COPY, DEVICE, VAULT, Directory, pack_of
from vaultd.copies.directory import DirectoryCopy
from vaultd.errors import (
    Damaged,
    NotAFolder,
    NotEmpty,
    NoVault,
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
