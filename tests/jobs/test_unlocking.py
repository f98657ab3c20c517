"""A key that is gone or damaged on one copy is no wrong key, as long as another copy has it."""

import shutil
from pathlib import Path

import pytest

from tests.damage import flip
from tests.jobs.vaults import Computer, new_vault
from vaultd.copies.locating import Location
from vaultd.credentials import KeyFile
from vaultd.errors import NoKeys, NoVault, WrongKey
from vaultd.format.slot import format_key_file
from vaultd.jobs.enrolling import add_copy
from vaultd.jobs.heal import heal_all
from vaultd.jobs.keys import add_slot, list_slots, remove_slot
from vaultd.jobs.opening import open_vault
from vaultd.jobs.protect import protect
from vaultd.progress import Silent


@pytest.fixture
def computer(tmp_path: Path) -> Computer:
    """A vault with two copies that hold the same."""
    made = new_vault(tmp_path)
    with made.opened(writing=True) as session:
        add_copy(session, Location(str(tmp_path / "second")), "second")
        protect(session, Silent(), lambda: None)
    return made


@pytest.mark.parametrize("hurt", [flip, Path.unlink])
def test_a_slot_that_another_copy_has_opens_the_vault(computer: Computer, hurt: object) -> None:
    for slot in (computer.copy / "keys").iterdir():
        hurt(slot)  # type: ignore[operator]
    with computer.opened() as session:
        assert [type(why) for _, why in session.passed_over] == [NoKeys]
        assert session.place.label == "second"
    with computer.opened(writing=True) as session:
        heal_all(session, session.others[0], Silent(), lambda: None)
        protect(session, Silent(), lambda: None)
    with computer.opened() as session:
        assert (session.place.label, session.passed_over) == ("main", ())


def test_without_another_copy_it_is_said_that_no_key_is_whole(computer: Computer) -> None:
    second = computer.copy.parent / "second"
    for slot in [*(computer.copy / "keys").iterdir(), *(second / "keys").iterdir()]:
        flip(slot)
    with pytest.raises(NoKeys) as told, computer.opened():
        pass
    assert (told.value.copy, told.value.damaged) == ("main", 2)
    shutil.rmtree(computer.copy / "keys")
    with pytest.raises(NoKeys) as told, computer.opened():
        pass
    assert (told.value.copy, told.value.damaged) == ("main", 0)
    shutil.rmtree(computer.copy / "log")
    shutil.rmtree(second)
    with pytest.raises(NoVault), computer.opened():
        pass


def test_a_key_that_was_removed_is_not_found_on_a_copy_that_was_away(computer: Computer) -> None:
    second = computer.copy.parent / "second"
    other = KeyFile(format_key_file(b"2" * 32).encode())
    with computer.opened(writing=True) as session:
        slot = add_slot(session, other, "lost stick")
        protect(session, Silent(), lambda: None)
    second.rename(second.with_name("away"))
    with computer.opened(writing=True) as session:
        remove_slot(session, slot)
    second.with_name("away").rename(second)
    with pytest.raises(WrongKey), open_vault(computer.home, other):
        pass


def test_a_damaged_slot_can_be_taken_away(computer: Computer) -> None:
    with computer.opened() as session:
        lost = next(slot.slot for slot in list_slots(session) if not slot.opened)
    for copy in (computer.copy, computer.copy.parent / "second"):
        flip(copy / "keys" / lost)
    with computer.opened(writing=True) as session:
        assert remove_slot(session, lost[:8]) == lost
    assert not (computer.copy / "keys" / lost).exists()
