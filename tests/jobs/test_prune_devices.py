"""Several computers, of which none waits for a lock: what one has begun is not taken away from under it."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.compare_trees import differences
from tests.jobs.pruned import DAY, HOUR, Time, assert_stands, fill, forget, packs, pruned
from tests.jobs.pruned import told as told
from tests.jobs.vaults import Computer, new_vault
from vaultd.jobs.snapshot import Taken, take_snapshot
from vaultd.jobs.trash import bring_back, list_trash
from vaultd.progress import Silent
from vaultd.tree.snapshots import Snapshot
from vaultd.tree.sources import find_source, list_sources


class World:
    """Computer `one` has saved `old` and then `new` files in place of them, and put the first snapshot into
    the trash, for longer than it can be taken back; `other` has a source of its own.
    """

    def __init__(self, top: Path, told: Time) -> None:
        self.top, self.told = top, told
        self.one = new_vault(top)
        fill(top / "photos", ["a", "b"], 1)
        self.one.add(top / "photos", "photos")
        self.first = self.one.save("photos").snapshot
        shutil.copytree(top / "photos", top / "old")
        fill(top / "photos", ["a", "b"], 2)
        self.second = self.one.save("photos").snapshot
        self.other = self.one.another(top / "other")
        fill(top / "more", ["of its own"], 3)
        self.other.add(top / "more", "more")
        self.other.save("more")
        with self.one.opened(writing=True) as session:
            forget(session, self.first.id)
        pruned(self.one)
        told.go_on(31 * DAY)

    @property
    def copy(self) -> Path:
        return self.one.copy

    @property
    def old_packs(self) -> set[bytes]:
        return set(self.first.body.packs)

    def old_files_again(self) -> None:
        """The other computer has the same files that only the forgotten snapshot had."""
        for path in (self.top / "old").iterdir():
            shutil.copy2(path, self.top / "more")

    def a_day(self) -> None:
        self.told.go_on(25 * HOUR)

    def stands(self, *snapshots: Snapshot) -> None:
        for each, truth in zip(snapshots, ("photos", "more"), strict=False):
            back = self.top / "back"
            assert_stands(self.one, each.id, self.top / truth, back)
            shutil.rmtree(back)


@pytest.fixture
def world(tmp_path: Path, told: Time) -> World:
    return World(tmp_path, told)


def meanwhile(computer: Computer, name: str, what: Callable[[], object]) -> Taken:
    """A snapshot that has begun when something else happens, and goes on after it."""
    with computer.opened(writing=True) as session:
        source = find_source(list_sources(session.vault.journal), name)
        done: list[object] = []

        def stop() -> bool:
            if not done:
                done.append(what())
            return False

        taken = take_snapshot(session, source, Silent(), stop)
        assert done
        return taken


def test_every_computer_has_to_say_that_it_knows(world: World) -> None:
    pruned(world.one)
    world.a_day()
    found = pruned(world.one)
    assert found.purged == (0, 0)
    with world.other.opened() as session:
        assert found.waiting[0].devices == (session.device,)
    with world.other.opened(writing=True):
        pass  # it says so as soon as it may write, whether anything changed or not
    assert pruned(world.one).purged[0] == len(world.old_packs)
    assert not packs(world.copy) & world.old_packs
    world.stands(world.second)


def test_who_was_retired_or_replaced_is_not_waited_for(world: World) -> None:
    pruned(world.one)
    world.a_day()
    with world.other.opened() as session:
        device = session.device
        last = session.vault.journal.known()[device]
    with world.one.opened(writing=True) as session:
        session.vault.journal.append("device-retired", {"device": device, "last": (last.seq, last.id)})
    assert pruned(world.one).purged[0] == len(world.old_packs)


def test_a_snapshot_that_had_begun_before_keeps_what_it_relies_on(world: World) -> None:
    world.old_files_again()
    taken = meanwhile(world.other, "more", lambda: pruned(world.one))
    with world.other.opened() as session:
        record = session.vault.journal.records[taken.snapshot.id]
        mine = world.one.snapshots()[0].device
        last = session.vault.journal.known()[mine].seq
        assert all(seq < last for device, seq, _ in record.seen if device == mine)
    world.a_day()
    with world.other.opened(writing=True):
        pass
    found = pruned(world.one)
    assert found.purged[0] == 1  # the pages of the old folder; its files are needed
    assert found.rewritten[0] == 1  # what is needed is written anew, so that the rest may go
    assert len(packs(world.copy) & world.old_packs) == 1
    world.stands(world.second, taken.snapshot)
    world.a_day()
    with world.other.opened(writing=True):
        pass
    pruned(world.one)
    world.stands(world.second, taken.snapshot)
    assert not packs(world.copy) & world.old_packs


def test_what_is_learnt_in_the_middle_is_not_said_to_be_known(world: World) -> None:
    """Whoever waits for that would take it that nothing which began before is still under way."""
    world.old_files_again()
    with world.other.opened(writing=True) as session:
        source = find_source(list_sources(session.vault.journal), "more")
        before = session.vault.journal.known()
        done: list[object] = []

        def stop() -> bool:
            if not done:
                done.append(pruned(world.one))
                session.vault.sync()
            return False

        taken = take_snapshot(session, source, Silent(), stop)
        assert session.vault.journal.known() != before
        seen = session.vault.journal.records[taken.snapshot.id].seen
        assert all(seq <= before[device].seq for device, seq, _ in seen)


def test_what_begins_after_stores_it_anew(world: World) -> None:
    pruned(world.one)
    world.old_files_again()
    taken = world.other.save("more")
    assert taken.snapshot.body.packs
    world.a_day()
    pruned(world.one)
    assert not packs(world.copy) & world.old_packs
    world.stands(world.second, taken.snapshot)


def test_a_snapshot_in_the_middle_is_not_overtaken_by_a_whole_year(world: World) -> None:
    """However long it takes: nobody has heard from that computer that it knows."""
    world.old_files_again()

    def a_year() -> None:
        for _ in range(4):
            pruned(world.one)
            world.told.go_on(90 * DAY)

    taken = meanwhile(world.other, "more", a_year)
    assert packs(world.copy) >= world.old_packs
    world.stands(world.second, taken.snapshot)


def test_a_dead_page_in_a_pack_that_lives_leads_to_nothing(
    world: World, told: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that looks as it was remembered is not taken over where its files are condemned: its page may
    stand in a pack that another folder's page keeps.
    """
    monkeypatch.setattr("vaultd.tree.look.GRAIN_NS", -HOUR)  # what was written just now is relied on
    gone_for_good(world)  # what this makes it forget is forgotten before it remembers anything
    source = world.top / "third"
    fill(source / "dead", ["x"], 5)
    fill(source / "alive", ["y"], 6, size=0)
    for path in (*source.rglob("*"), source):
        os.utime(path, (1, 1))
    third = world.one.add(source, "third").body
    gone = world.one.save("third").snapshot
    world.one.add(source / "alive", "fourth")
    world.one.save("fourth")
    with world.one.opened(writing=True) as session:
        forget(session, gone.id)
    pruned(world.other)
    told.go_on(31 * DAY)
    with world.one.opened() as session:
        remembered = session.vault.state.recall(third.id, b"dead")
        assert remembered is not None
    assert pruned(world.other).condemned[0]
    with world.one.opened(writing=True) as session:
        assert session.vault.index.holds(remembered[1])  # its page lives
    told.go_on(25 * HOUR)
    taken = meanwhile(world.one, "third", lambda: pruned(world.other))
    assert set(gone.body.packs) - packs(world.copy)
    assert world.one.give_back(world.top / "back", taken.snapshot.id.hex()).complete
    assert differences(source, world.top / "back") == []


def gone_for_good(world: World) -> None:
    pruned(world.one)
    world.a_day()
    with world.other.opened(writing=True):
        pass
    pruned(world.one)
    assert not packs(world.copy) & world.old_packs


def test_out_of_the_trash_while_it_is_being_removed(world: World) -> None:
    """Another computer has known for less long that it was forgotten: what it takes back is stored anew,
    since what is condemned may go at any moment.
    """
    pruned(world.one)
    with world.other.opened(writing=True) as session:
        (mine,) = [each for each in list_trash(session) if each.snapshot.id == world.first.id]
        bring_back(session, [mine])
    for pack in world.old_packs:
        (world.copy / "packs" / pack.hex()[:2] / pack.hex()).unlink()
    assert world.other.give_back(world.top / "back", world.first.id.hex()).complete
    assert differences(world.top / "old", world.top / "back") == []
