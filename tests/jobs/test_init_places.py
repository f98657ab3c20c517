"""A disk that takes nothing is found before anybody is shown a recovery code for it."""

import subprocess
from pathlib import Path

import pytest

from vaultd.copies.locating import Location
from vaultd.errors import Full, ReadOnly, VaultdError
from vaultd.jobs.init import refuse_place, refuse_second_place


def is_refused(disk: Path, tmp_path: Path, kind: type[VaultdError]) -> None:
    (tmp_path / "one").mkdir()
    for place in (disk / "made", disk / "new"):
        where = Location(str(place))
        with pytest.raises(kind, match=str(place)):
            refuse_place(where)
        with pytest.raises(kind, match=str(place)):
            refuse_second_place(Location(str(tmp_path / "one")), where)


def test_a_full_disk_is_refused(small_disk: Path, tmp_path: Path) -> None:
    (small_disk / "made").mkdir()
    (small_disk / "other").write_bytes(bytes(960_000))
    is_refused(small_disk, tmp_path, Full)


def test_a_disk_that_can_only_be_read_is_refused(small_disk: Path, tmp_path: Path) -> None:
    (small_disk / "made").mkdir()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    is_refused(small_disk, tmp_path, ReadOnly)


def test_a_sound_place_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    for name in ("made", "new"):
        refuse_place(Location(str(tmp_path / name)))
    assert [path.name for path in tmp_path.rglob("*")] == ["made"]
