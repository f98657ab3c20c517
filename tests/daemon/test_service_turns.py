"""The daemon gives way to commands, and to its owner's wish to be left alone."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.at_work import SECONDS, at_work, is_as_the_folder
from tests.jobs.test_protect import looked_at, two_copies
from tests.jobs.vaults import Computer
from tests.waiting import until
from vaultd.daemon import service
from vaultd.daemon import turns as turns_of
from vaultd.daemon.pause import Pause
from vaultd.jobs.guarding import Guarded, guarded_snapshot
from vaultd.jobs.protect import Reached, protect
from vaultd.jobs.session import Session
from vaultd.jobs.snapshot import Taken
from vaultd.progress import Silent
from vaultd.tree.sources import Source


def test_who_waits_for_his_turn_gets_it_in_the_middle_of_a_save(
    computer: Computer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A first snapshot may take hours; it is put aside, and goes on afterwards."""
    monkeypatch.setattr(turns_of, "PATIENCE", 0.2)
    begun = threading.Event()
    let_go: list[float] = []

    def slow(
        session: Session, source: Source, progress: object, stop: Callable[[], bool], **more: Any
    ) -> tuple[Taken, Guarded]:
        begun.set()
        if not let_go:
            while not stop():
                time.sleep(0.01)
            let_go.append(time.monotonic())
            raise KeyboardInterrupt
        return guarded_snapshot(session, source, Silent(), stop, **more)

    monkeypatch.setattr(service, "guarded_snapshot", slow)
    with at_work(computer) as noted:
        assert begun.wait(SECONDS)
        waited: list[str] = []
        with noted.service.turns.given(lambda: False, waited.append) as has_it:
            assert (has_it, waited, len(let_go)) == (True, ["save"], 1)
            computer.save("photos", force=True)
            (tmp_path / "photos" / "meanwhile").write_bytes(b"1")
            time.sleep(1)
            assert noted.takens == []
        assert until(lambda: len(noted.takens) == 1)
    assert noted.errors == []
    assert is_as_the_folder(computer, "photos")


def test_copies_that_were_not_brought_up_for_somebodys_turn_are_soon_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    computer = two_copies(tmp_path, tmp_path / "second")
    (tmp_path / "photos" / "a").write_bytes(b"a")
    interrupted: list[int] = []

    def once(*words: Any) -> Reached:
        if not interrupted:
            interrupted.append(1)
            raise KeyboardInterrupt
        return protect(*words)

    monkeypatch.setattr(service, "protect", once)
    with at_work(computer):
        assert until(lambda: bool(interrupted))
        assert until(lambda: not any(copy.behind for copy in looked_at(computer).copies))


def test_paused_it_saves_nothing_and_forgets_nothing(computer: Computer, tmp_path: Path) -> None:
    with at_work(computer) as noted:
        assert until(lambda: len(noted.takens) == 1)
        Pause(computer.home).begin(3600)
        noted.service.reload()
        (tmp_path / "photos" / "b.jpg").write_bytes(b"b")
        time.sleep(3)
        assert len(noted.takens) == 1
        Pause(computer.home).end()
        noted.service.reload()
        assert until(lambda: len(noted.takens) == 2)
    assert noted.takens[1].snapshot.body.counts["changed"] == 1
