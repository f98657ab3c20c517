"""What is pruned from copies of every kind, and what ends it before anything is condemned."""

import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.compare_trees import differences
from tests.damage import flip
from tests.jobs.pruned import DAY, HOUR, Time, fill, forget, packs, pruned
from tests.jobs.pruned import told as told
from tests.jobs.test_prune import World, all_the_way
from tests.jobs.test_prune import world as world
from tests.jobs.vaults import Computer
from vaultd.errors import NotSure
from vaultd.jobs.check import check_copies
from vaultd.jobs.parity import cover_copy, coverage, set_parity
from vaultd.jobs.status import status
from vaultd.progress import Silent
from vaultd.tree.purging import Purging


def stands(computer: Computer, snapshot: bytes, truth: Path, back: Path) -> None:
    assert computer.give_back(back, snapshot.hex()).complete
    assert differences(truth, back, root=True) == []
    assert computer.checked().sound
    shutil.rmtree(back)


def test_what_is_needed_of_a_pack_is_written_anew_and_the_rest_goes(world: World, told: Time) -> None:
    """A pack of which a fifth is needed."""
    fill(world.source, ["a", "b", "c", "d", "e"], 7)
    third = world.computer.save("photos").snapshot
    for name in "abcd":
        os.truncate(world.source / name, 0)
    fourth = world.computer.save("photos").snapshot
    with world.computer.opened(writing=True) as session:
        forget(session, third.id)
    before = sum(path.stat().st_size for path in world.copy.glob("packs/*/*"))
    pruned(world.computer)
    told.go_on(31 * DAY)
    assert pruned(world.computer).rewritten[0] == 1
    stands(world.computer, fourth.id, world.source, world.top / "back")
    told.go_on(25 * HOUR)
    assert pruned(world.computer).purged[0] >= 2
    stands(world.computer, fourth.id, world.source, world.top / "back")
    after = sum(path.stat().st_size for path in world.copy.glob("packs/*/*"))
    assert before - after > 4 * 60_000
    with world.computer.opened() as session:
        assert status(session).level == "saved"
    world.computer.recovered(world.top / "back", fourth.id.hex())
    assert differences(world.source, world.top / "back") == []


def test_many_small_packs_become_few(world: World, told: Time) -> None:
    for number in range(20):
        fill(world.source, [f"{number}"], 100 + number, size=500)
        newest = world.computer.save("photos").snapshot
    many = len(packs(world.copy))
    pruned(world.computer)
    told.go_on(25 * HOUR)
    pruned(world.computer)
    assert len(packs(world.copy)) < many / 8
    stands(world.computer, newest.id, world.source, world.top / "back")
    with world.computer.opened() as session:
        assert len(session.vault.journal.of_kind("snapshot")) == 22


def test_parity_does_without_what_goes_before_it_goes(world: World, told: Time) -> None:
    with world.computer.opened(writing=True) as session:
        place = set_parity(session, session.place, on=True)
        cover_copy(session.home, place, session.vault.copy, Silent(), lambda: None)
    world.forget_first()
    all_the_way(world, told)
    assert not packs(world.copy) & set(world.first.body.packs)
    with world.computer.opened() as session:
        found = coverage(session.home, session.vault.copy)
        assert found.whole
        assert found.packs == len(packs(world.copy))
    pack = next(path for path in world.copy.glob("packs/*/*"))
    flip(pack, 500)
    with world.computer.opened() as session:
        places = session.settings.copies
        ((_, report),) = check_copies(session, places, Silent(), lambda: None, read_data=True, heals=True)
        assert not isinstance(report, Exception)
        assert report.rebuilt
    stands(world.computer, world.second.id, world.source, world.top / "back")


@pytest.mark.parametrize(
    ("kind", "body"), [("from-the-future", {}), ("condemn", {"packs": [], "also": 1})], ids=["kind", "key"]
)
def test_what_is_not_known_ends_it(world: World, told: Time, kind: str, body: dict[str, Any]) -> None:
    world.forget_first()
    pruned(world.computer)
    told.go_on(31 * DAY)
    with world.computer.opened(writing=True) as session:
        session.vault.journal.append(kind, body)
    with pytest.raises(NotSure) as found:
        pruned(world.computer)
    assert found.value.why == "unknown"


def test_damage_ends_it(world: World, told: Time) -> None:
    world.forget_first()
    pruned(world.computer)
    told.go_on(31 * DAY)
    for pack in world.second.body.packs:
        path = world.copy / "packs" / pack.hex()[:2] / pack.hex()
        for at in range(0, path.stat().st_size, 100):
            flip(path, at)
    with pytest.raises(NotSure):
        pruned(world.computer)


def test_a_record_that_is_missing_ends_it(world: World, told: Time) -> None:
    world.forget_first()
    pruned(world.computer)
    told.go_on(31 * DAY)
    logs = sorted(world.copy.glob("log/*/*"))
    logs[2].rename(world.top / "aside")
    for database in world.computer.home.state.glob("state.db*"):
        database.unlink()
    with pytest.raises(NotSure):
        pruned(world.computer)


def test_nothing_is_left_where_every_snapshot_is_forgotten(world: World, told: Time) -> None:
    with world.computer.opened(writing=True) as session:
        forget(session, world.first.id, world.second.id)
    pruned(world.computer)
    told.go_on(31 * DAY)
    with pytest.raises(NotSure) as found:
        pruned(world.computer)
    assert found.value.why == "nothing"


@pytest.mark.parametrize(
    ("rule", "gives"), [("may_purge", lambda *_: (set(), set())), ("removable", frozenset())]
)
def test_it_is_these_rules_that_decide(
    world: World, told: Time, rule: str, gives: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the model in tests/tree/purging_model.py."""
    monkeypatch.setattr(Purging, rule, gives)
    world.forget_first()
    before = packs(world.copy)
    all_the_way(world, told)
    assert packs(world.copy) == before


def test_one_row_of_state_that_flipped_removes_nothing(world: World, told: Time) -> None:
    """What state says of a pack only proposes it."""
    needed = world.second.body.packs
    with sqlite3.connect(world.computer.home.state_file) as db:
        for pack in needed:
            (number,) = db.execute("SELECT number FROM packs WHERE digest = ?", (pack,)).fetchone()
            row = db.execute("SELECT rowid FROM blobs WHERE pack = ? AND type = 1", (number,)).fetchone()
            if row:
                db.execute(
                    "INSERT INTO blobs SELECT id, 1, number, offset, type, codec, sealed, plain"
                    " FROM blobs WHERE rowid = ?",
                    row,
                )
    before = packs(world.copy)
    for _ in range(3):
        pruned(world.computer, max_unused=100)
        told.go_on(25 * HOUR)
    assert packs(world.copy) == before
