"""What the simulator of three copies found wrong, each as plainly as it can be told."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.damage import flip
from tests.jobs.test_protect import brought_up, looked_at, packs, saved, two_copies
from tests.jobs.vaults import Computer
from vaultd.copies.locating import Location
from vaultd.errors import Missing, Unreachable, VaultdError
from vaultd.jobs.check import Report, check_copies
from vaultd.jobs.elsewhere import copy_at, from_anywhere
from vaultd.jobs.enrolling import add_copy, find_copy
from vaultd.jobs.heal import accept, heal, heal_all
from vaultd.jobs.level import PROTECTED, SAVED
from vaultd.progress import Silent
from vaultd.store.ledger import Ledger
from vaultd.tree.snapshots import list_snapshots
from vaultd.tree.view import View


@pytest.fixture
def computer(tmp_path: Path, disk: object, monkeypatch: pytest.MonkeyPatch) -> Computer:
    """A vault with two copies that count as two places."""
    for room in ("level", "protect", "status"):
        monkeypatch.setattr(f"vaultd.jobs.{room}.are_apart", lambda *_: True)
    return two_copies(tmp_path, tmp_path / "second")


def third(computer: Computer) -> Path:
    folder = computer.copy.parent / "third"
    with computer.opened(writing=True) as session:
        add_copy(session, Location(str(folder)), "third")
    return folder


def looked_through(computer: Computer, label: str) -> Report:
    with computer.opened() as session:
        places = [place for place in session.settings.copies if place.label == label]
        ((_, found),) = check_copies(session, places, Silent(), lambda: None, read_data=True, heals=True)
        assert isinstance(found, Report)
        return found


@contextlib.contextmanager
def away(*copies: Path) -> Iterator[None]:
    for copy in copies:
        copy.rename(copy.with_name(f"{copy.name} elsewhere"))
    try:
        yield
    finally:
        for copy in copies:
            copy.with_name(f"{copy.name} elsewhere").rename(copy)


def slot_of(computer: Computer) -> str:
    with computer.opened() as session:
        return f"keys/{session.slot}"


def test_nothing_is_called_missing_from_every_copy_while_one_of_them_is_away(computer: Computer) -> None:
    other = computer.copy.parent / "second"
    saved(computer, "a")
    wrong = packs(computer.copy)[0]
    flip(wrong)
    with away(other):
        (left,) = looked_through(computer, "main").unhealed
    assert isinstance(left, Unreachable)
    (other / wrong.relative_to(computer.copy)).unlink()
    (gone,) = looked_through(computer, "main").unhealed
    assert isinstance(gone, Missing)


def test_two_copies_that_agree_do_not_protect_what_a_third_one_has_alone(computer: Computer) -> None:
    folder = third(computer)
    saved(computer, "a")
    with away(folder, computer.copy.parent / "second"):
        (computer.copy.parent / "photos" / "b").write_bytes(os.urandom(3000))
        computer.save("photos")
    found = looked_at(computer)
    assert (found.level, [each.level for each in found.sources]) == (SAVED, [SAVED])
    assert brought_up(computer).level == PROTECTED
    assert looked_at(computer).level == PROTECTED


def test_a_damaged_record_that_is_met_on_opening_protects_no_more(computer: Computer) -> None:
    saved(computer, "a")
    flip(max(computer.copy.glob("log/*/*")))
    for file in computer.home.state.glob("state*.db*"):
        file.unlink()
    assert looked_at(computer).level == SAVED


@pytest.mark.parametrize("how", ["damaged", "gone"])
def test_a_key_slot_that_the_first_copy_lost_does_not_lock_the_vault(computer: Computer, how: str) -> None:
    saved(computer, "a")
    slot = computer.copy / slot_of(computer)
    if how == "damaged":
        flip(slot)
    else:
        slot.unlink()
    with computer.opened() as session:
        assert session.place.label == "second"
        assert len(list_snapshots(session.vault.journal)) == 1
        gone = packs(computer.copy.parent / "second")[0]
        whole = gone.read_bytes()
        gone.unlink()
        # It lost its slot, and not what else it holds.
        with from_anywhere(session) as blobs:
            for each in list_snapshots(session.vault.journal):
                assert list(View(blobs, each.body.root).walk())
    assert brought_up(computer).level == PROTECTED
    assert gone.read_bytes() == whole
    assert slot.exists()


def test_healing_leaves_a_copy_alone_that_lost_much_else(computer: Computer) -> None:
    """Few files are found wrong by a check that stand in no log, and more are gone."""
    second = computer.copy.parent / "second"
    for name in "abcdef":
        saved(computer, name)
    lost = packs(second)[:8]
    for path in lost:
        path.unlink()
    name = str(lost[0].relative_to(second))
    with computer.opened(writing=True) as session:
        (place,) = session.others
        with copy_at(session, place) as copy:
            damage: list[VaultdError] = [Missing(name, "second")]
            healed = heal(session, place, copy, damage, Silent(), lambda: None, of=1000)
    assert healed.names == []
    assert len(healed.left) == 1
    assert not any(path.exists() for path in lost)


def test_what_healing_finds_damaged_on_the_copy_it_asks_is_not_counted(computer: Computer) -> None:
    saved(computer, "a")
    pack = packs(computer.copy)[0].relative_to(computer.copy)
    (computer.copy / pack).unlink()
    flip(computer.copy.parent / "second" / pack)
    with computer.opened(writing=True) as session:
        damage: list[VaultdError] = [Missing(str(pack), "main")]
        heal(session, session.place, session.vault.copy, damage, Silent(), lambda: None, of=None)
        (other,) = session.others
        with contextlib.closing(Ledger(session.home.ledger_file)) as ledger:
            assert bytes.fromhex(pack.name) not in ledger.matched(other.copy_id)


def test_a_pack_that_was_gone_before_anybody_remembers_is_missed(computer: Computer) -> None:
    saved(computer, "a")
    gone = packs(computer.copy)[0].relative_to(computer.copy)
    for copy in (computer.copy, computer.copy.parent / "second"):
        (copy / gone).unlink()
    for file in computer.home.state.glob("*.db*"):
        file.unlink()
    assert brought_up(computer).level == SAVED
    assert looked_at(computer).level == SAVED


@pytest.mark.parametrize("which", ["main", "second"])
def test_what_an_accepted_copy_cannot_give_is_stored_anew_there(
    computer: Computer, tmp_path: Path, which: str
) -> None:
    """Nothing could mend it: the next snapshot must not rely on it, whichever copy is in use by then."""
    saved(computer, "a")
    copies = {"main": computer.copy, "second": tmp_path / "second"}
    (bad,) = [pack for pack in packs(copies[which]) if pack.stat().st_size > 3000]
    for copy in copies.values():
        flip(copy / bad.relative_to(copies[which]))
    with computer.opened(writing=True) as session:
        place = find_copy(session.settings, which)
        accept(session, place.copy_id)
        assert heal_all(session, place, Silent(), lambda: None).left
    others = [copy for label, copy in copies.items() if label != which]
    with away(*others):
        computer.save("photos")
        computer.give_back(tmp_path / "back", "photos")
    assert (tmp_path / "back" / "a").read_bytes() == (tmp_path / "photos" / "a").read_bytes()
