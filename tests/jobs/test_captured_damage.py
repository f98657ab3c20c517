"""What was captured without a copy, and what is known of that copy here, rot like everything else."""

import os
from pathlib import Path

import pytest

from tests.damage import flip
from tests.jobs.test_captured import Lonely
from tests.jobs.test_protect import looked_at
from vaultd.errors import Unreachable

# Of the file of the state.
_PAGE = 4096


@pytest.fixture
def lonely(tmp_path: Path) -> Lonely:
    return Lonely(tmp_path)


def test_a_damaged_pack_in_the_spool_holds_its_records_back(lonely: Lonely) -> None:
    computer = lonely.computer
    lonely.take_away()
    (lonely.photos / "d").write_bytes(os.urandom(9000))
    computer.save("photos", away=True)
    for pack in (lonely.spool / "packs").rglob("*"):
        if pack.is_file():
            flip(pack)
    lonely.bring_back()
    computer.save("photos")
    assert (computer.copy / "log").is_dir()
    assert [each.body.counts["files"] for each in computer.snapshots()][-1] == 4
    assert lonely.waiting()  # nothing is thrown away
    with computer.opened(writing=True):
        pass
    assert lonely.waiting()


def test_what_lay_in_a_damaged_pack_of_the_spool_is_stored_anew(lonely: Lonely, tmp_path: Path) -> None:
    """No other copy has it, and its source may not have it for long."""
    computer = lonely.computer
    lonely.take_away()
    (lonely.photos / "d").write_bytes(os.urandom(9000))
    computer.save("photos", away=True)
    for pack in (lonely.spool / "packs").rglob("*"):
        if pack.is_file():
            flip(pack)
    lonely.bring_back()
    assert computer.save("photos", unless_same=True).made
    computer.give_back(tmp_path / "back")
    assert (tmp_path / "back/d").read_bytes() == (lonely.photos / "d").read_bytes()


def test_a_state_that_is_damaged_says_nothing_of_a_copy_that_is_away(lonely: Lonely) -> None:
    """Each page of it in turn: all that it says is that nothing can be captured now."""
    computer = lonely.computer
    lonely.take_away()
    state = computer.home.state_file
    whole = state.read_bytes()
    outcomes = set()
    for page in range(1, len(whole) // _PAGE):
        state.write_bytes(whole[: page * _PAGE] + bytes([255]) * _PAGE + whole[(page + 1) * _PAGE :])
        (lonely.photos / "d").write_bytes(os.urandom(9000))
        try:
            computer.save("photos", away=True)
        except Unreachable:
            outcomes.add("refused")
        else:
            outcomes.add("captured")
    assert "refused" in outcomes
    lonely.bring_back()
    computer.save("photos")
    assert looked_at(computer).snapshots == len(computer.snapshots())
