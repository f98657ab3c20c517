"""A wipe while the daemon runs: it is held within seconds, and every channel is told, today and tomorrow."""

import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.compare_trees import differences
from tests.daemon.at_work import Noted, at_work
from tests.daemon.ears import hook
from tests.guarded import files, make_pictures, wipe
from tests.jobs.vaults import Computer
from tests.waiting import until
from vaultd.daemon import notices as module
from vaultd.daemon.notices import Notices, is_due
from vaultd.errors import SourceEmpty
from vaultd.format.noticing import NoticeBody
from vaultd.settings import Channel, load, save
from vaultd.tree.incidents import list_incidents, sources_on_hold
from vaultd.tree.notices import Attempt, Notice
from vaultd.tree.selectors import select
from vaultd.tree.snapshots import list_snapshots

_DAY = 86_400.0


@pytest.fixture
def watched(computer: Computer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Computer:
    monkeypatch.setattr(module, "EACH", 0.05)
    make_pictures(tmp_path / "photos", 90)
    return computer


def words(notice: Notice) -> tuple[str, str]:
    return f"{notice.body.what} of {notice.body.about}", "text"


def is_held(computer: Computer) -> bool:
    with computer.opened() as session:
        return bool(sources_on_hold(session.vault.journal).sources)


def gives_back(computer: Computer, kept: Path, target: Path) -> bool:
    with computer.opened() as session:
        journal = session.vault.journal
        good = select(list_snapshots(journal), "photos@before-incident", list_incidents(journal))
    computer.give_back(target, good.id.hex())
    return differences(kept, target) == []


def keep(tmp_path: Path) -> Path:
    shutil.copytree(tmp_path / "photos", tmp_path / "kept")
    return tmp_path / "kept"


def unlink_quickly(folder: Path, _: Noted) -> None:
    wipe(folder)


def unlink_slowly(folder: Path, noted: Noted) -> None:
    """A few between each two snapshots."""
    paths = files(folder)
    for start in range(0, 60, 10):
        before = len(noted.takens)
        for path in paths[start : start + 10]:
            path.unlink()
        assert until(lambda before=before: len(noted.takens) > before)  # type: ignore[misc]


@pytest.mark.parametrize("attack", [unlink_quickly, unlink_slowly])
def test_it_is_held_told_and_given_back(watched: Computer, tmp_path: Path, attack: object) -> None:
    kept = keep(tmp_path)
    with hook() as ear:
        save(watched.home, replace(load(watched.home), channels=(Channel("hook", ear.url),)))
        notices = Notices(watched.home, words)
        with at_work(watched, notices) as noted:
            notices.start()
            assert until(lambda: len(noted.takens) == 1)
            begun = time.monotonic()
            assert callable(attack)
            attack(tmp_path / "photos", noted)
            assert until(lambda: is_held(watched))
            assert until(lambda: any("incident of photos" in repr(heard) for heard in ear.heard))
            assert time.monotonic() - begun < 60
            (tmp_path / "photos" / "after").write_text("snapshots go on")
            assert until(lambda: (noted.takens[-1].snapshot.body.counts["files"] or 0) >= 1)
            notices.stop(10)
    assert gives_back(watched, kept, tmp_path / "back")
    assert all(isinstance(error, SourceEmpty) for error in noted.errors)


def test_it_is_told_again_each_day_until_somebody_knows() -> None:
    channel = Channel("mail", "json://localhost")
    notice = Notice(b"1" * 32, b"", 0, NoticeBody(what="incident", about="photos", facts={}))
    assert is_due(notice, channel, 0.0)
    notice.attempts.append(Attempt(0, "mail", True, ""))
    assert not is_due(notice, channel, _DAY - 1)
    assert is_due(notice, channel, _DAY)
    notice.attempts.append(Attempt(int(_DAY * 1e9), "mail", True, ""))
    assert not is_due(notice, channel, 2 * _DAY - 1)
    other = Notice(b"2" * 32, b"", 0, NoticeBody(what="drill", about="disk", facts={}))
    other.attempts.append(Attempt(0, "mail", True, ""))
    assert not is_due(other, channel, 10 * _DAY)
