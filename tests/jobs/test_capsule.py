"""Capsules: what becomes of one that cannot be finished."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.exports import sealed
from tests.jobs.sample import MIB, make_sample
from tests.jobs.vaults import Computer, new_vault
from vaultd.errors import BadUsage, ExportFull, NotAsWritten
from vaultd.jobs.resealing import facts


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Computer:
    work = tmp_path_factory.mktemp("capsule")
    computer = new_vault(work)
    make_sample(work / "all", special=os.geteuid() == 0)
    computer.add(work / "all", "all")
    computer.save("all")
    return computer


@pytest.mark.parametrize("steps", [0, 5, 200, 400])
def test_an_interruption_leaves_nothing(saved: Computer, tmp_path: Path, steps: int) -> None:
    left = iter(range(steps))
    with pytest.raises(KeyboardInterrupt):
        sealed(saved, tmp_path / "capsule", split=MIB, stop=lambda: next(left, None) is None)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing(saved: Computer, small_disk: Path) -> None:
    with pytest.raises(ExportFull):
        sealed(saved, small_disk / "capsule")
    assert list(small_disk.iterdir()) == []


def test_a_folder_that_is_empty_is_used_and_any_other_is_not(saved: Computer, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    sealed(saved, tmp_path / "empty", "照片".encode())
    assert (tmp_path / "empty" / "vault.id").exists()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    with pytest.raises(BadUsage):
        sealed(saved, tmp_path / "full")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine"]


def test_what_differs_when_it_is_read_back_is_no_capsule(
    saved: Computer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = facts

    def other(place: bytes, entry: Any, known: Any) -> Any:
        return plain(place, entry, known | {"how": "other"} if place == b"text" else known)

    monkeypatch.setattr("vaultd.jobs.capsule.facts", other)
    with pytest.raises(NotAsWritten) as told:
        sealed(saved, tmp_path / "capsule")
    assert told.value.name == b"text"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_many_names_is_written_page_by_page(tmp_path: Path) -> None:
    computer = new_vault(tmp_path)
    (files := tmp_path / "files").mkdir()
    for number in range(1500):
        (files / f"{number:05}").write_bytes(b"%d" % number)
        if number % 400 == 0:
            (files / f"{number:05}-folder").mkdir()
            for inside in range(600):
                (files / f"{number:05}-folder" / f"{inside}").touch()
    computer.add(files, "files")
    computer.save("files")
    told, _ = sealed(computer, tmp_path / "capsule", words="files")
    assert told.complete
    assert (told.tally.files, told.tally.folders) == (1500 + 4 * 600, 4)
