"""Two copies to read a part of, and what was read."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.jobs.test_protect import saved, two_copies
from tests.jobs.vaults import Computer
from vaultd.copies.directory import DirectoryCopy
from vaultd.jobs.check import Report, check_copies
from vaultd.jobs.felt import digest_of
from vaultd.jobs.scrub import Part
from vaultd.progress import Silent
from vaultd.store import indexing
from vaultd.store.ledger import Ledger

DAY = 86_400 * 10**9


def two_copies_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Computer:
    """Two copies, eight snapshots and an index; nothing of it was ever read back."""
    computer = two_copies(tmp_path, tmp_path / "second")
    for name in "abcdefg":
        saved(computer, name)
    with monkeypatch.context() as patch:
        patch.setattr(indexing, "PACKS_PER_INDEX", 1)
        saved(computer, "h")
    assert list((computer.copy / "index").iterdir())
    computer.home.ledger_file.unlink()
    return computer


def checked(computer: Computer, *, heals: bool = True, label: str = "main", **part: object) -> Report:
    with computer.opened() as session:
        places = [place for place in session.settings.copies if place.label == label]
        asked = Part(**part)  # type: ignore[arg-type]
        found = check_copies(session, places, Silent(), lambda: None, read_data=True, part=asked, heals=heals)
        ((_, report),) = found
    assert isinstance(report, Report), report
    return report


def copy_id(computer: Computer, label: str = "main") -> bytes:
    with computer.opened() as session:
        return next(place.copy_id for place in session.settings.copies if place.label == label)


def times(computer: Computer) -> dict[bytes, int]:
    with closing(Ledger(computer.home.ledger_file)) as ledger:
        return ledger.times(copy_id(computer))


def set_time(computer: Computer, name: str, when: int) -> None:
    with closing(sqlite3.connect(computer.home.ledger_file)) as db, db:
        for table in ("matched", "caches"):
            db.execute(f"UPDATE {table} SET time = ? WHERE digest = ?", (when, digest_of(name)))


def note_reading(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was read from the medium, in this order."""
    names: list[str] = []
    drop = DirectoryCopy.drop_cached

    def noted(copy: DirectoryCopy, name: str) -> None:
        names.append(name)
        drop(copy, name)

    monkeypatch.setattr(DirectoryCopy, "drop_cached", noted)
    return names
