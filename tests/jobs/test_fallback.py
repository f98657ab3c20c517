"""Two copies that are not always both there: saving goes on where it can, no log forks or has a gap, and what
one copy lacks comes to it later.
"""

from pathlib import Path

import pytest

from tests.disks import Disk
from tests.jobs.test_protect import brought_up, files, saved, two_copies
from tests.jobs.vaults import Computer
from vaultd.errors import Unreachable
from vaultd.jobs.level import PROTECTED, SAVED
from vaultd.jobs.session import Lacks
from vaultd.jobs.sources import my_sources
from vaultd.jobs.status import status
from vaultd.store.state import State
from vaultd.tree.snapshots import heads, list_snapshots


@pytest.fixture
def computer(tmp_path: Path, disk: Disk) -> Computer:
    computer = two_copies(tmp_path, disk.path / "vault")
    saved(computer, "a")
    return computer


class Both:
    """The first copy and the second, each of which can be taken away."""

    def __init__(self, computer: Computer, disk: Disk) -> None:
        self.first, self.away, self.disk = computer.copy, computer.copy.with_name("away"), disk

    def only(self, *labels: str) -> None:
        if self.first.exists() != ("main" in labels):
            pair = (self.first, self.away)
            pair[not self.first.exists()].rename(pair[self.first.exists()])
        if (self.disk.path / "vault").exists() != ("second" in labels):
            self.disk.plug() if "second" in labels else self.disk.unplug()


@pytest.fixture
def both(computer: Computer, disk: Disk) -> Both:
    return Both(computer, disk)


def devices(computer: Computer) -> list[bytes]:
    with computer.opened() as session:
        return sorted(session.vault.journal.chains())


def is_sound(computer: Computer, both: Both) -> bool:
    """Both copies hold the same, of all devices each number once, and all that the records name."""
    with computer.opened() as session:
        chains = session.vault.journal.chains()
        assert session.vault.troubles == []
        assert len(heads(list_snapshots(session.vault.journal), my_sources(session)[0].body.id)) == 1
    for chain in chains.values():
        assert [record.seq for _, record in chain] == list(range(1, len(chain) + 1))
    assert files(both.first) == files(both.disk.path / "vault")
    return computer.checked().sound


def test_a_snapshot_goes_to_the_second_copy_while_the_first_is_away(computer: Computer, both: Both) -> None:
    before = devices(computer)
    both.only("second")
    reached = saved(computer, "b")
    assert (reached.level, reached.highest) == (SAVED, PROTECTED)
    assert [(each.place.label, type(each.error)) for each in reached.behind] == [("main", Unreachable)]
    saved(computer, "c")
    both.only("main", "second")
    assert brought_up(computer).level == PROTECTED
    assert devices(computer) == before  # the log went on where it was
    assert saved(computer, "d").level == PROTECTED
    with computer.opened() as session:
        assert session.vault.copy.label == "main"
    assert [each.body.counts["files"] for each in computer.snapshots()] == [1, 2, 3, 4]
    assert is_sound(computer, both)


def test_a_second_copy_that_lacks_the_newest_is_written_under_a_new_id(
    computer: Computer, both: Both
) -> None:
    both.only("main")
    saved(computer, "b")
    both.only("second")
    with computer.opened() as session:
        assert session.lacks == Lacks(1, 1)
    with computer.opened(writing=True) as session:
        assert session.replaced is not None
    saved(computer, "c")
    both.only("main", "second")
    assert brought_up(computer).level == PROTECTED
    with computer.opened() as session:
        assert len(status(session).sources[0].heads) == 2
    saved(computer, "d")
    assert is_sound(computer, both)


def test_two_disks_that_take_turns_and_never_meet(computer: Computer, both: Both) -> None:
    for name, which in zip("bcdef", ("main", "second", "main", "second", "main"), strict=True):
        both.only(which)
        saved(computer, name)
        with computer.opened() as session:
            assert [source.body.name for source in my_sources(session)] == ["photos"]
    both.only("main", "second")
    assert brought_up(computer).level == PROTECTED
    saved(computer, "g")
    assert len(computer.snapshots()) == 7
    assert is_sound(computer, both)


def test_a_record_that_may_stand_on_the_other_copy_is_not_forked(
    computer: Computer, both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the record and the note of it; then the other copy is the only one there."""
    put = State.put

    def killed(state: State, key: str, value: bytes) -> None:
        if key == "head" and armed:
            raise KeyboardInterrupt
        put(state, key, value)

    armed = False
    monkeypatch.setattr(State, "put", killed)
    with computer.opened(writing=True) as session:
        armed = True
        with pytest.raises(KeyboardInterrupt):
            session.vault.journal.append("device", {"name": "it was written", "replaces": None})
    armed = False
    both.only("second")
    with computer.opened(writing=True) as session:
        assert session.replaced is not None
    saved(computer, "b")
    both.only("main", "second")
    assert brought_up(computer).level == PROTECTED
    assert is_sound(computer, both)


def test_what_was_written_while_the_first_was_away_is_seen_before_it_is_caught_up(
    computer: Computer, both: Both
) -> None:
    both.only("second")
    saved(computer, "b")
    both.only("main", "second")
    assert [each.body.counts["files"] for each in computer.snapshots()] == [1, 2]
    both.only("main")
    with computer.opened() as session:
        assert session.passed_over == ()
        assert session.lacks == Lacks(1, 1)
        assert len(list_snapshots(session.vault.journal)) == 1
