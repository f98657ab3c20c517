"""A copy that is not there while the others are pruned, and what is written on it meanwhile."""

import pytest

from tests.compare_trees import differences
from tests.jobs.pruned import packs, pruned
from tests.jobs.pruned import told as told
from tests.jobs.test_prune_devices import World, gone_for_good
from tests.jobs.test_prune_devices import world as world
from tests.jobs.vaults import PASSPHRASE, Computer
from vaultd.copies.locating import Location
from vaultd.jobs.enrolling import add_copy
from vaultd.jobs.init import attach
from vaultd.jobs.protect import protect
from vaultd.progress import Silent
from vaultd.settings import find_home


class Away:
    """A second copy, which is not there while the first is pruned, and on which a new computer writes."""

    def __init__(self, world: World) -> None:
        self.world, self.place, self.aside = world, world.top / "second", world.top / "aside"
        with world.one.opened(writing=True) as session:
            add_copy(session, Location(str(self.place)), "second")
            protect(session, Silent(), lambda: None)
        assert packs(self.place) == packs(world.copy)

    def take(self) -> None:
        self.place.rename(self.aside)

    def bring(self) -> None:
        self.aside.rename(self.place)

    def new_computer(self) -> Computer:
        home = find_home(str(self.world.top / "new"))
        attach(home, Location(str(self.aside)), PASSPHRASE, "main")
        return Computer(home, self.aside, self.world.one.key)


@pytest.fixture
def away(world: World) -> Away:
    return Away(world)


def test_a_copy_that_was_away_is_cleared_when_it_is_back(world: World, away: Away) -> None:
    away.take()
    gone_for_good(world)
    away.bring()
    with world.one.opened(writing=True) as session:
        protect(session, Silent(), lambda: None)
    assert not packs(world.copy) & world.old_packs  # nothing comes back
    assert packs(away.place) >= world.old_packs
    found = pruned(world.one)
    assert [each.place.label for each in found.removed] == ["second"]
    assert packs(away.place) == packs(world.copy)
    world.stands(world.second)


def test_a_new_computer_on_a_copy_that_was_away_brings_back_what_it_needs(world: World, away: Away) -> None:
    away.take()
    new = away.new_computer()
    new.add(world.top / "old", "old")
    gone_for_good(world)
    taken = new.save("old").snapshot
    away.bring()
    found = pruned(world.one)
    assert found.purged == (0, 0)
    assert packs(away.place) >= packs(world.copy)
    assert world.one.give_back(world.top / "back", taken.id.hex()).complete
    assert differences(world.top / "old", world.top / "back") == []
    assert world.one.checked().sound


def test_out_of_the_trash_after_it_was_removed_elsewhere(world: World, away: Away) -> None:
    """Whoever has a copy on which all of it stands may still take it back: it is spread again."""
    away.take()
    gone_for_good(world)
    new = away.new_computer()
    with new.opened(writing=True) as session:
        by = next(i for i, r in session.vault.journal.of_kind("forget"))
        body: dict[str, object] = {"answers": [by], "snapshots": [world.first.id]}
        session.vault.journal.append("restore-from-trash", body)
    away.bring()
    pruned(world.one)
    assert world.one.give_back(world.top / "back", world.first.id.hex()).complete
    assert differences(world.top / "old", world.top / "back") == []
    assert world.one.checked().sound
