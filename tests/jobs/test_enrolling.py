"""A copy is added to a vault that is in use, taken up where it stands already, and retired; no file is ever
removed by that.
"""

import shutil
from pathlib import Path

import pytest

from tests.damage import flip
from tests.disks import Disk
from tests.jobs.test_protect import brought_up, files, looked_at, only, packs, saved
from tests.jobs.vaults import Computer, new_vault
from vaultd.copies import probing
from vaultd.copies.locating import Location
from vaultd.errors import (
    BadCopyName,
    CopyNameTaken,
    LastCopy,
    NoSuchCopy,
    NotAFolder,
    NotEmpty,
    OnlyThere,
    Overlap,
    SamePlace,
    UnfitPlace,
    VaultdError,
    VaultExists,
)
from vaultd.jobs.enrolling import add_copy, check_wanted, find_copy, retire_copy
from vaultd.jobs.level import PROTECTED
from vaultd.settings import Place, load


@pytest.fixture
def computer(tmp_path: Path) -> Computer:
    """One copy, one source, one snapshot."""
    computer = new_vault(tmp_path)
    (tmp_path / "photos").mkdir()
    computer.add(tmp_path / "photos", "photos")
    saved(computer, "a")
    return computer


def add(computer: Computer, folder: Path, label: str = "second") -> Place:
    with computer.opened(writing=True) as session:
        return add_copy(session, Location(str(folder)), label)


def retire(computer: Computer, label: str, *, force: bool = False) -> None:
    with computer.opened(writing=True) as session:
        retire_copy(session, find_copy(session.settings, label), force=force)


def labels(computer: Computer) -> list[str]:
    return [place.label for place in load(computer.home).copies]


def kinds(computer: Computer) -> list[str]:
    with computer.opened() as session:
        records = session.vault.journal.records.values()
    return sorted(record.kind for record in records if record.kind.startswith("copy-"))


def test_an_added_copy_gets_everything_and_gives_it_back_alone(
    computer: Computer, disk: Disk, tmp_path: Path
) -> None:
    place = add(computer, disk.path / "vault")
    assert place.options["keeps"] is True
    assert labels(computer) == ["main", "second"]
    assert brought_up(computer).level == PROTECTED
    assert files(computer.copy) == files(disk.path / "vault")
    assert saved(computer, "b").level == PROTECTED
    alone = only(disk.path / "vault", tmp_path / "new", computer.key)
    assert alone.checked().sound
    alone.give_back(tmp_path / "back", "photos")
    assert (tmp_path / "back" / "b").read_bytes() == (tmp_path / "photos" / "b").read_bytes()
    assert kinds(computer) == ["copy-added", "copy-added"]


def test_what_cannot_hold_a_copy_is_refused_before_anything_is_written(
    computer: Computer, disk: Disk, tmp_path: Path
) -> None:
    add(computer, disk.path / "vault")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter").touch()
    (tmp_path / "elsewhere").mkdir()
    other = new_vault(tmp_path / "elsewhere")
    before = files(computer.copy), load(computer.home)
    for folder, label, refused in (
        (computer.copy, "third", SamePlace),
        (disk.path / "vault", "third", SamePlace),
        (disk.path / "vault" / "packs", "third", Overlap),
        (tmp_path / "full", "third", NotEmpty),
        (other.copy, "third", VaultExists),
        (tmp_path / "none" / "none", "third", NotAFolder),
        (tmp_path / "new", "main", CopyNameTaken),
        (tmp_path / "new", "", BadCopyName),
        (tmp_path / "new", "two\nlines", BadCopyName),
        (tmp_path / "new", "x" * 65, BadCopyName),
    ):
        with pytest.raises(refused):
            check_wanted(load(computer.home), Location(str(folder)), label)
        with pytest.raises(refused):
            add(computer, folder, label)
    assert (files(computer.copy), load(computer.home)) == before
    assert not (tmp_path / "new").exists()


def test_a_copy_of_this_vault_by_another_path_is_the_same_copy(computer: Computer, tmp_path: Path) -> None:
    shutil.copytree(computer.copy, tmp_path / "twin")
    with pytest.raises(SamePlace):
        add(computer, tmp_path / "twin")


def test_a_vault_that_claims_our_id_is_not_taken_up(computer: Computer, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    other = new_vault(tmp_path / "elsewhere")
    theirs, ours = ((each.copy / "vault.id").read_text() for each in (other, computer))
    mine = ours.split()[2]
    (other.copy / "vault.id").write_text(theirs.replace(theirs.split()[2], mine))
    before = files(computer.copy)
    with pytest.raises(VaultdError) as refused:
        add(computer, other.copy)
    assert isinstance(refused.value, VaultExists), refused.value
    assert files(computer.copy) == before


def test_a_source_may_hold_a_copy_but_no_copy_a_source(computer: Computer, tmp_path: Path) -> None:
    inside = tmp_path / "photos" / "vault"
    add(computer, inside)
    taken = computer.save("photos")
    assert taken.snapshot.body.counts["files"] == 1  # the copy is left out of what is saved
    retire(computer, "second")
    shutil.rmtree(inside)
    twin = computer.another(tmp_path / "twin")
    add(twin, tmp_path / "other")
    (tmp_path / "other" / "more").mkdir()
    computer.add(tmp_path / "other" / "more", "more")
    with pytest.raises(Overlap):
        add(computer, tmp_path / "other")


def test_another_computer_takes_up_a_copy_that_stands_already(
    computer: Computer, disk: Disk, tmp_path: Path
) -> None:
    first = add(computer, disk.path / "vault")
    brought_up(computer)
    other = computer.another(tmp_path / "other")
    assert add(other, disk.path / "vault", "nas").copy_id == first.copy_id
    assert brought_up(other).level == PROTECTED
    assert saved(computer, "b").level == PROTECTED


@pytest.mark.parametrize("which", ["main", "second"])
def test_a_retired_copy_keeps_its_files_and_can_be_taken_up_again(
    computer: Computer, disk: Disk, tmp_path: Path, which: str
) -> None:
    add(computer, disk.path / "vault")
    brought_up(computer)
    place = computer.copy if which == "main" else disk.path / "vault"
    before = files(place)
    retire(computer, which)
    assert labels(computer) == [{"main": "second", "second": "main"}[which]]
    after = files(place)
    assert {name: after[name] for name in before} == before
    saved(computer, "b")
    assert kinds(computer) == ["copy-added", "copy-added", "copy-retired"]
    assert looked_at(computer).level == "saved"
    assert computer.checked().sound
    back = add(computer, place, "again")
    assert brought_up(computer).level == PROTECTED
    assert files(computer.copy) == files(disk.path / "vault")
    assert labels(computer)[-1] == back.label


def test_what_only_the_last_of_three_holds_gets_into_all_of_them(
    computer: Computer, disk: Disk, tmp_path: Path
) -> None:
    add(computer, disk.path / "vault")
    add(computer, tmp_path / "third", "third")
    assert brought_up(computer).level == PROTECTED
    # A second computer, which knows but one of them.
    alone = only(tmp_path / "third", tmp_path / "alone", computer.key)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "x").write_bytes(b"1" * 5000)
    alone.add(tmp_path / "more", "more")
    alone.save("more")
    assert brought_up(computer).as_asked
    assert files(computer.copy) == files(disk.path / "vault") == files(tmp_path / "third")


def test_the_last_copy_is_not_retired(computer: Computer) -> None:
    with pytest.raises(LastCopy):
        retire(computer, "main")
    with pytest.raises(NoSuchCopy):
        retire(computer, "nas")
    assert labels(computer) == ["main"]


@pytest.mark.parametrize("which", ["main", "second"])
def test_a_copy_that_holds_something_alone_is_not_retired(
    computer: Computer, disk: Disk, tmp_path: Path, which: str
) -> None:
    add(computer, disk.path / "vault")
    saved(computer, "b")
    rest = computer.copy if which == "second" else disk.path / "vault"
    packs(rest)[0].unlink()
    with pytest.raises(OnlyThere) as refused:
        retire(computer, which)
    assert (refused.value.copy, refused.value.files) == (which, 1)
    assert labels(computer) == ["main", "second"]
    retire(computer, which, force=True)
    assert labels(computer) == [{"main": "second", "second": "main"}[which]]


def test_a_copy_that_is_away_is_retired_and_what_only_it_holds_cannot_be_known(
    computer: Computer, disk: Disk
) -> None:
    add(computer, disk.path / "vault")
    brought_up(computer)
    disk.unplug()
    retire(computer, "second")
    assert labels(computer) == ["main"]
    assert not looked_at(computer).copies[0].error


def test_the_copy_in_use_is_not_retired_while_no_other_is_up_to_date(computer: Computer, disk: Disk) -> None:
    add(computer, disk.path / "vault")
    brought_up(computer)
    disk.unplug()
    with pytest.raises(VaultdError):
        retire(computer, "main", force=True)
    assert labels(computer) == ["main", "second"]
    disk.plug()
    assert saved(computer, "b").level == PROTECTED


def test_a_place_that_gives_back_something_else_is_no_place(
    computer: Computer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "_lists", lambda copy, name, data: False)
    with pytest.raises(UnfitPlace) as refused:
        add(computer, tmp_path / "new")
    assert refused.value.problem == "lists"
    assert labels(computer) == ["main"]
    monkeypatch.undo()
    add(computer, tmp_path / "new")  # the empty copy that it left is taken up


def test_damage_in_a_copy_that_is_taken_up_does_not_travel(
    computer: Computer, disk: Disk, tmp_path: Path
) -> None:
    add(computer, disk.path / "vault")
    saved(computer, "b")
    retire(computer, "second")
    flip(packs(disk.path / "vault")[0])
    before = files(computer.copy)
    add(computer, disk.path / "vault")
    reached = brought_up(computer)
    assert reached.level == PROTECTED  # since all of it was read again, and mended
    assert [(each.place.label, len(each.names)) for each in reached.healed] == [("second", 1)]
    after = files(computer.copy)
    assert {name: after[name] for name in before} == before
