"""What the daemon does once a day: read the copies through, heal, drill."""

import contextlib
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.damage import flip
from tests.jobs.test_protect import saved, two_copies
from tests.jobs.vaults import Computer
from tests.waiting import until
from vaultd.daemon import chores as module
from vaultd.daemon.chores import Chores
from vaultd.daemon.pause import Pause
from vaultd.daemon.turns import Turns
from vaultd.errors import NotSure, VaultdError
from vaultd.jobs.check import Report
from vaultd.jobs.drill import Drill
from vaultd.jobs.forget import Plan
from vaultd.jobs.opening import open_other
from vaultd.jobs.prune import Pruned
from vaultd.jobs.reread import Reread
from vaultd.jobs.session import Session
from vaultd.jobs.sources import keep_by
from vaultd.jobs.status import CopyStatus
from vaultd.jobs.thin import Stopped
from vaultd.settings import Place, load, save
from vaultd.tree.retention import Rules
from vaultd.tree.snapshots import list_snapshots
from vaultd.tree.sources import Source, list_sources

DAY_NS = 86_400 * 10**9


class Noted:
    def __init__(self) -> None:
        self.scrubs: list[tuple[str, Report | VaultdError]] = []
        self.drills: list[tuple[str, Drill | VaultdError]] = []
        self.errors: list[VaultdError] = []
        self.rereads: list[Reread | VaultdError] = []
        self.thins: list[Plan | Stopped] = []
        self.prunes: list[Pruned | NotSure] = []
        self.looks: list[list[CopyStatus]] = []

    def looked(self, copies: Iterable[CopyStatus]) -> None:
        self.looks.append(list(copies))

    def reread(self, source: Source, found: Reread | VaultdError) -> None:
        self.rereads.append(found)

    def thinned(self, source: Source, found: Plan | Stopped) -> None:
        self.thins.append(found)

    def pruned(self, found: Pruned | NotSure) -> None:
        self.prunes.append(found)

    def scrubbed(self, place: Place, found: Report | VaultdError) -> None:
        self.scrubs.append((place.label, found))

    def drilled(self, place: Place, found: Drill | VaultdError) -> None:
        self.drills.append((place.label, found))

    def not_done(self, error: VaultdError) -> None:
        self.errors.append(error)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST", 0.05)
    monkeypatch.setattr(module, "EACH", 0.05)
    monkeypatch.setattr(module, "DUE", 0)


@pytest.fixture
def computer(tmp_path: Path) -> Computer:
    computer = two_copies(tmp_path, tmp_path / "second")
    saved(computer, "a" * 100)
    return computer


@contextlib.contextmanager
def at_work(computer: Computer) -> Iterator[Noted]:
    noted = Noted()
    chores = Chores(computer.home, computer.opened, noted)
    chores.start()
    try:
        yield noted
    finally:
        began = time.monotonic()
        chores.stop(20)
        assert time.monotonic() - began < 5


def pack_of(copy: Path) -> Path:
    return max(
        (each for each in (copy / "packs").rglob("*") if each.is_file()), key=lambda each: each.stat().st_size
    )


def test_all_copies_are_read_and_drilled_and_then_not_for_a_day(computer: Computer) -> None:
    with at_work(computer) as noted:
        assert until(lambda: len(noted.drills) == 2)
        time.sleep(0.5)
    assert [label for label, _ in noted.scrubs] == [label for label, _ in noted.drills]
    for _, found in noted.scrubs:
        assert isinstance(found, Report)
        assert found.sound
        assert found.read[0] > 0
    assert all(isinstance(found, Drill) and found.passed for _, found in noted.drills)
    with at_work(computer) as again:
        time.sleep(1)
    assert (again.scrubs, again.drills) == ([], [])


def test_old_snapshots_are_thinned_by_the_rules_on_every_copy(computer: Computer) -> None:
    for n in range(8):
        saved(computer, str(n))
    with computer.opened(writing=True) as session:
        (source,) = list_sources(session.vault.journal)
        keep_by(session, source.body.name, Rules(last=8))
    with at_work(computer) as noted:
        assert until(lambda: bool(noted.thins))
    (plan,) = noted.thins
    assert isinstance(plan, Plan)
    assert len(plan.thinned.gone) == 1
    assert [each.id for each in computer.snapshots()] == [each.id for each in plan.line[1:]]
    with computer.opened() as session:
        for place in session.others:
            with open_other(session, place) as vault:
                assert len(list_snapshots(vault.journal)) == 8


def test_what_has_rotted_is_found_and_healed(computer: Computer) -> None:
    rotten = pack_of(computer.copy)
    flip(rotten)
    with at_work(computer) as noted:
        assert until(lambda: len(noted.drills) == 2)
    healed = [name for _, found in noted.scrubs if isinstance(found, Report) for name in found.healed]
    assert [rotten.name in name for name in healed] == [True]
    assert computer.checked().sound


def test_while_somebody_writes_healing_waits_and_is_done_later(
    computer: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vaultd.daemon import schedule

    monkeypatch.setattr(schedule, "AGAIN", 0.2)
    flip(pack_of(computer.copy))
    with computer.opened(writing=True), at_work(computer) as noted:
        assert until(lambda: len(noted.scrubs) >= 2)
        assert not computer.checked().sound
    with at_work(computer) as noted:
        assert until(lambda: len(noted.scrubs) >= 2)
        assert until(lambda: computer.checked().sound)


def test_who_waits_for_the_healing_gets_his_turn_and_it_goes_on_later(
    computer: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vaultd.daemon import turns as turns_of
    from vaultd.jobs import check

    monkeypatch.setattr(turns_of, "PATIENCE", 0.3)
    rotten = pack_of(computer.copy)
    flip(rotten)
    true, begun = vars(check)["heal"], threading.Event()

    def slow(*words: Any, **more: Any) -> Any:
        stop = words[5]
        if not begun.is_set():
            begun.set()
            for _ in range(1000):
                stop()
                time.sleep(0.02)
        return true(*words, **more)

    monkeypatch.setattr(check, "heal", slow)
    noted, turns = Noted(), Turns()
    chores = Chores(computer.home, computer.opened, noted, turns)
    chores.start()
    try:
        assert begun.wait(30)
        heard: list[str] = []
        began = time.monotonic()
        with turns.given(lambda: False, heard.append) as mine, computer.opened(writing=True):
            assert mine
        assert time.monotonic() - began < 5
        assert heard == ["heal"]
        assert until(lambda: computer.checked().sound)
    finally:
        chores.stop(20)


def test_a_file_that_rots_in_the_source_is_found_within_a_round(computer: Computer, tmp_path: Path) -> None:
    from vaultd.daemon.rounds import Rounds

    with at_work(computer) as noted:
        assert until(lambda: len(noted.rereads) == 1)
    (found,) = noted.rereads
    assert isinstance(found, Reread)
    assert (found.rotten, found.at) == ([], None)
    assert found.files > 0
    with computer.opened() as session:
        (source,) = list_sources(session.vault.journal)
    assert not Rounds(computer.home.state / "reread.json").is_due(source.body.id)


def test_paused_or_on_a_low_battery_nothing_is_done(
    computer: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "battery", lambda: 29)
    with at_work(computer) as noted:
        time.sleep(0.7)
        assert noted.scrubs == []
        Pause(computer.home).begin(60)
        monkeypatch.setattr(module, "battery", lambda: 30)
        time.sleep(0.7)
        assert noted.scrubs == []
        Pause(computer.home).end()
        assert until(lambda: len(noted.scrubs) == 2)


def test_on_a_metered_connection_nothing_is_done_where_the_owner_says_so(
    computer: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "is_metered", lambda: True)
    save(computer.home, replace(load(computer.home), pause_on_metered=True))
    with at_work(computer) as noted:
        time.sleep(0.7)
        assert noted.scrubs == []
        save(computer.home, replace(load(computer.home), pause_on_metered=False))
        assert until(lambda: len(noted.scrubs) == 2)


def test_it_ends_in_the_middle_of_reading(computer: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    """And goes on with it at the next start, since it was not done."""
    begun: list[float] = []
    true = Chores._end_if_stopped

    def slow(chores: Chores) -> None:
        begun.append(time.monotonic())
        time.sleep(0.5)
        true(chores)

    monkeypatch.setattr(Chores, "_end_if_stopped", slow)
    with at_work(computer) as noted:
        assert until(lambda: bool(begun))
    monkeypatch.undo()
    monkeypatch.setattr(module, "FIRST", 0.05)
    monkeypatch.setattr(module, "DUE", 0)
    assert len(noted.scrubs) < 2
    with at_work(computer) as noted:
        assert until(lambda: len(noted.scrubs) == 2)


def test_a_vault_that_is_not_there_is_told_once(
    computer: Computer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vaultd.daemon import schedule

    monkeypatch.setattr(schedule, "AGAIN", 0.1)
    for copy in (computer.copy, tmp_path / "second"):
        copy.rename(tmp_path / f"{copy.name} away")
    with at_work(computer) as noted:
        assert until(lambda: bool(noted.errors))
        time.sleep(1)
        assert len(noted.errors) == 1
        for copy in (computer.copy, tmp_path / "second"):
            (tmp_path / f"{copy.name} away").rename(copy)
        assert until(lambda: len(noted.drills) == 2)


def test_what_a_chore_reads_keeps_no_session_from_writing(
    computer: Computer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside: list[Session] = []
    true = Chores._scrub

    def slow(chores: Chores, session: Session) -> bool:
        inside.append(session)
        time.sleep(1)
        return true(chores, session)

    monkeypatch.setattr(Chores, "_scrub", slow)
    with at_work(computer) as noted:
        assert until(lambda: bool(inside))
        (tmp_path / "photos" / "b.jpg").write_bytes(b"b")
        assert computer.save("photos").made
        assert until(lambda: len(noted.scrubs) == 2)
    assert all(isinstance(found, Report) and found.sound for _, found in noted.scrubs)
