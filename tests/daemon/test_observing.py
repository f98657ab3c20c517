"""Of what happens, what is worth a notice."""

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest

from vaultd.copies.contract import Space
from vaultd.daemon.noticed import Noticed
from vaultd.daemon.observing import Observing
from vaultd.errors import Damaged, LostTooMuch, ReadOnly, SourceGone, Unreachable, VaultdError
from vaultd.jobs.check import Report
from vaultd.jobs.drill import Drill
from vaultd.jobs.guarding import Guarded
from vaultd.jobs.protect import Behind, Mended, Reached
from vaultd.jobs.reread import Reread
from vaultd.jobs.status import CopyStatus
from vaultd.settings import Place

DISK = Place("disk", "/disk", bytes(16))
SOURCE: Any = SimpleNamespace(body=SimpleNamespace(name="photos", id=bytes(16)))
LONG = 1e10


@pytest.fixture
def noticed(tmp_path: Path) -> Noticed:
    return Noticed(tmp_path / "notices.json")


@pytest.fixture
def seen(noticed: Noticed) -> Observing:
    return Observing(noticed, MagicMock())


def kinds(noticed: Noticed, now: float = LONG) -> list[tuple[str, str]]:
    return sorted((due.what, due.about) for due in noticed.due(now))


def read(troubles: int) -> Any:
    return SimpleNamespace(trouble_count=troubles, snapshot=None)


@pytest.mark.parametrize(
    ("error", "kind"), [(SourceGone("photos", b"/p"), "source-gone"), (ReadOnly("disk"), "unprotected")]
)
def test_a_source_that_cannot_be_saved(
    seen: Observing, noticed: Noticed, error: VaultdError, kind: str
) -> None:
    seen.failed(error, SOURCE)
    assert kinds(noticed, time.time() + 60) == []
    assert kinds(noticed) == [(kind, "photos")]


def test_a_source_that_can_be_saved_again_in_time_is_none(seen: Observing, noticed: Noticed) -> None:
    seen.failed(SourceGone("photos", b"/p"), SOURCE)
    seen.failed(ReadOnly("disk"), SOURCE)
    seen.read(SOURCE, read(0))
    assert kinds(noticed) == []


def test_files_that_cannot_be_read(seen: Observing, noticed: Noticed) -> None:
    seen.read(SOURCE, read(3))
    assert [(due.what, due.facts["files"]) for due in noticed.due()] == [("source-unreadable", 3)]


@pytest.mark.parametrize(
    ("error", "kind"), [(Unreachable("disk", "ENOENT"), "copy-away"), (ReadOnly("disk"), "copy-wrong")]
)
def test_a_copy_that_cannot_be_used(seen: Observing, noticed: Noticed, error: VaultdError, kind: str) -> None:
    seen.looked([CopyStatus(DISK, error=error)])
    assert kinds(noticed) == [(kind, "disk")]
    seen.looked([CopyStatus(DISK, Space(100 << 30, 50 << 30))])
    noticed.written(noticed.due()[0])
    assert kinds(noticed) == []


def test_a_copy_that_lost_much_is_noticed_at_once() -> None:
    assert not issubclass(LostTooMuch, Unreachable)


def test_a_copy_that_is_nearly_full(seen: Observing, noticed: Noticed) -> None:
    seen.looked([CopyStatus(DISK, Space(100 << 30, 6 << 30))])
    assert kinds(noticed) == []
    seen.looked([CopyStatus(DISK, Space(100 << 30, 4 << 30))])
    assert kinds(noticed, time.time() + 60) == [("copy-full", "disk")]


def test_a_day_without_the_safety_that_was_asked_for(seen: Observing, noticed: Noticed) -> None:
    short = Reached("saved", "protected", behind=[Behind(DISK, Unreachable("disk", "EIO"))])
    seen.caught_up(short)
    assert kinds(noticed, time.time() + 60) == []
    assert kinds(noticed) == [("copy-away", "disk"), ("unprotected", "")]
    seen.caught_up(Reached("protected", "protected"))
    for due in noticed.due():
        noticed.written(due)
    assert ("unprotected", "") not in kinds(noticed)


def test_damage_is_told_with_what_became_of_it(seen: Observing, noticed: Noticed) -> None:
    seen.scrubbed(DISK, Report(damage=[Damaged("x", "disk", "digest")], healed=["y", "z"], lost_count=4))
    seen.caught_up(Reached("saved", "saved", healed=[Mended(DISK, ["a"])]))
    assert [due.facts for due in noticed.due()] == [
        {"files": 3, "healed": 2, "lost": 4},
        {"files": 1, "healed": 1, "lost": 0},
    ]


def test_what_is_as_it_should_be_is_worth_nothing(seen: Observing, noticed: Noticed) -> None:
    seen.scrubbed(DISK, Report(files=3, read=(3, 9)))
    seen.drilled(DISK, Drill(seed=1))
    seen.reread(SOURCE, Reread(files=9))
    seen.read(SOURCE, read(0))
    seen.caught_up(Reached("saved", "saved"))
    assert kinds(noticed) == []


def test_a_drill_that_failed(seen: Observing, noticed: Noticed) -> None:
    seen.drilled(DISK, Drill(seed=1, files=7, damage=[Damaged("x", "disk", "digest")]))
    assert [(due.what, due.facts) for due in noticed.due()] == [
        ("drill", {"files": 7, "wrong": 0, "damage": 1})
    ]


def test_rot_is_told_by_name_and_beyond_a_few_by_number(seen: Observing, noticed: Noticed) -> None:
    seen.reread(SOURCE, Reread(rotten=[b"a/%d" % number for number in range(8)] + [b"\xff"]))
    told = [(due.about, due.facts["files"]) for due in noticed.due()]
    assert told == [(f"photos:a/{number}", 1) for number in range(5)] + [("photos", 4)]


def test_everything_is_passed_on(noticed: Noticed) -> None:
    inner = MagicMock()
    seen = Observing(noticed, inner)
    seen.not_done(ReadOnly("disk"))
    seen.gone(SOURCE)
    seen.untold(SOURCE, 3)
    assert [call[0] for call in inner.method_calls] == ["not_done", "gone", "untold"]
    assert kinds(noticed) == [("untold", "photos")]


@pytest.mark.parametrize("guarded", [Guarded(error=ReadOnly("disk")), Guarded(unread=2)])
def test_a_guard_that_cannot_look_for_an_hour(seen: Observing, noticed: Noticed, guarded: Guarded) -> None:
    seen.guarded(SOURCE, guarded)
    assert kinds(noticed, time.time() + 60) == []
    assert kinds(noticed) == [("guard-failed", "photos")]


def test_a_guard_that_can_look_again_in_time_is_none(seen: Observing, noticed: Noticed) -> None:
    seen.guarded(SOURCE, Guarded(unread=2))
    seen.guarded(SOURCE, Guarded())
    assert kinds(noticed) == []
