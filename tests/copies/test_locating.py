"""A place is found by its URL, whatever its kind."""

import os
from pathlib import Path

import pytest

from tests.copies.places import COPY, DEVICE, VAULT
from vaultd.copies import locating
from vaultd.copies.directory import DirectoryCopy
from vaultd.copies.locating import Location, locate
from vaultd.errors import BadUrl, NotEmpty, VaultExists


def test_a_path_is_a_folder_in_whatever_way_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    for given, expected in (
        ("copy", tmp_path / "copy"),
        ("~/copy", tmp_path / "me/copy"),
        (f"file://{tmp_path}/a b", tmp_path / "a b"),
        ("c:/copy", tmp_path / "c:/copy"),
        ("me@host:copy", tmp_path / "me@host:copy"),
    ):
        where = locate(given)
        assert (where.url, where.folder, where.scheme) == (str(expected), expected, "")


def test_a_kind_that_is_not_known_is_said(tmp_path: Path) -> None:
    for given in ("gopher://host/copy", "FTP://host/copy"):
        with pytest.raises(BadUrl) as caught:
            locate(given)
        assert (caught.value.url, caught.value.problem) == (given, "scheme")
        with pytest.raises(BadUrl):
            locating.open_copy(Location(given), None, "copy")


def test_a_password_is_not_repeated() -> None:
    with pytest.raises(BadUrl) as caught:
        locate("gopher://me:secret@host/copy")
    assert caught.value.url == "gopher://me:…@host/copy"


def test_a_folder_is_made_and_opened(tmp_path: Path) -> None:
    where = locate(str(tmp_path / "copy"))
    locating.refuse_taken(where)
    made = locating.create_copy(where, VAULT, COPY, "disk", DEVICE)
    assert isinstance(made, DirectoryCopy)
    opened = locating.open_copy(where, COPY, "disk", DEVICE)
    assert (opened.vault_id, opened.copy_id, opened.label) == (VAULT, COPY, "disk")
    with pytest.raises(VaultExists):
        locating.refuse_taken(where)


def test_files_of_a_vault_without_its_id_are_known(tmp_path: Path) -> None:
    where = Location(str(tmp_path))
    assert not locating.is_headless(where)
    for name in ("packs", "log"):
        (tmp_path / name).mkdir()
    assert locating.is_headless(where)
    with pytest.raises(NotEmpty):
        locating.refuse_taken(where)


def test_one_host_is_one_place(tmp_path: Path) -> None:
    one, other = Location("sftp://me@host/a"), Location("sftp://you@HOST:2222/b")
    assert locating.is_one_place(one, other)
    assert not locating.is_one_place(one, Location("sftp://me@second/a"))
    assert not locating.is_one_place(one, Location(str(tmp_path)))
    assert locating.is_one_place(one, Location("smb://me@host/share/a"))
    assert not locating.is_one_place(one, Location("s3://host/a"))
    assert locating.is_one_place(Location("s3://photos/a"), Location("s3://photos/b"))
    with pytest.raises(OSError, match=r"vault\.id"):
        locating.is_one_place(Location(os.fspath(tmp_path)), Location(os.fspath(tmp_path)))
