"""What nobody needs goes, after everybody has said so and time has passed; all that stands is given back."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.jobs.pruned import DAY, HOUR, Time, assert_stands, fill, forget, packs, pruned
from tests.jobs.pruned import told as told
from tests.jobs.vaults import Computer, new_vault
from vaultd.errors import NotSure
from vaultd.format.keeping import GUARD, IncidentBody
from vaultd.jobs.hold import hold_snapshots, let_go
from vaultd.tree.snapshots import Snapshot


@dataclass
class World:
    """A computer, its source, and two snapshots: the first has a file that the second has not."""

    top: Path
    computer: Computer
    first: Snapshot
    second: Snapshot

    @property
    def source(self) -> Path:
        return self.top / "photos"

    @property
    def copy(self) -> Path:
        return self.computer.copy

    def forget_first(self) -> None:
        with self.computer.opened(writing=True) as session:
            forget(session, self.first.id)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """The two differ wholly, and the attic of the second is left out of it by a source of its own."""
    computer = new_vault(tmp_path)
    fill(tmp_path / "photos", ["a", "b"], 1)
    computer.add(tmp_path / "photos", "photos")
    first = computer.save("photos").snapshot
    fill(tmp_path / "photos", ["a", "b"], 2)
    second = computer.save("photos").snapshot
    return World(tmp_path, computer, first, second)


def all_the_way(world: World, told: Time) -> None:
    """From the trash to the end."""
    told.go_on(0)
    pruned(world.computer)  # sees the forgetting
    told.go_on(31 * DAY)
    pruned(world.computer)  # condemns
    told.go_on(25 * HOUR)
    pruned(world.computer)  # gives leave, and removes


def test_nothing_goes_while_every_snapshot_stands(world: World, told: Time) -> None:
    before = packs(world.copy)
    all_the_way(world, told)
    assert packs(world.copy) == before


def test_what_only_a_forgotten_snapshot_needs_goes_in_three_steps(world: World, told: Time) -> None:
    world.forget_first()
    before = packs(world.copy)
    assert pruned(world.computer).condemned == (0, 0)  # in the trash
    told.go_on(29 * DAY)
    assert pruned(world.computer).condemned == (0, 0)
    told.go_on(2 * DAY)
    found = pruned(world.computer)
    assert found.condemned[0] == len(before & set(world.first.body.packs)) > 0
    assert found.waiting[0].left.trusted == 24 * HOUR
    assert packs(world.copy) == before
    told.go_on(23 * HOUR)
    assert pruned(world.computer).purged == (0, 0)
    told.go_on(2 * HOUR)
    found = pruned(world.computer)
    assert found.purged == (len(world.first.body.packs), found.removed[0].bytes)
    assert packs(world.copy) == before - set(world.first.body.packs)
    assert_stands(world.computer, world.second.id, world.source, world.top / "back")
    assert pruned(world.computer).removed == []
    shutil.rmtree(world.top / "back")
    world.computer.recovered(world.top / "back")


def test_a_dry_run_says_it_and_does_nothing(world: World, told: Time) -> None:
    world.forget_first()
    all_the_way(world, told)
    assert pruned(world.computer, dry_run=True).condemned == (0, 0)


@pytest.mark.parametrize("jump", [HOUR, DAY, 400 * DAY, 50 * 365 * DAY, -400 * DAY])
def test_a_clock_that_jumps_hurries_nothing(world: World, told: Time, jump: int) -> None:
    world.forget_first()
    before = packs(world.copy)
    for _ in range(4):
        pruned(world.computer)
        told.go_on(HOUR, wall=jump)
        told.restart(jump)
    assert packs(world.copy) == before


def test_what_is_not_listed_ends_it(world: World, told: Time) -> None:
    """A page that is gone could name anything."""
    world.forget_first()
    pruned(world.computer)
    told.go_on(31 * DAY)
    gone = next(
        path for path in world.copy.glob("packs/*/*") if bytes.fromhex(path.name) in world.second.body.packs
    )
    aside = world.top / "aside"
    gone.rename(aside)
    with pytest.raises(NotSure):
        pruned(world.computer)
    aside.rename(gone)
    assert pruned(world.computer).condemned[0]


def test_while_an_incident_is_open_nothing_goes(world: World, told: Time) -> None:
    world.forget_first()
    before = packs(world.copy)
    with world.computer.opened(writing=True) as session:
        hold = hold_snapshots(session, [world.second], "it looks like a wipe", GUARD)
        source = world.second.body.source
        body = IncidentBody(
            examples=[],
            facts={},
            good=world.second.id,
            hold=hold.id,
            rules=["deleted"],
            source=source,
            tripped=None,
        )
        session.vault.journal.append(body.WORD, body.to_map())
    with pytest.raises(NotSure) as refused:
        all_the_way(world, told)
    assert refused.value.why == "incident"
    assert packs(world.copy) == before
    with world.computer.opened(writing=True) as session:
        let_go(session, [hold])
    all_the_way(world, told)
    assert packs(world.copy) < before
