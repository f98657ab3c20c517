"""A drill proves that each copy alone gives files back: it fails by the copy that cannot, names what is
wrong, remembers what came of it, and leaves nothing behind.
"""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from tests.damage import flip
from tests.jobs.drills import drilled, folder_in_two_copies, is_left, of, passed, remembered
from tests.jobs.sample import make_sample
from tests.jobs.test_protect import brought_up, files, packs, saved, two_copies
from tests.jobs.vaults import Computer
from vaultd.errors import LostTooMuch, Missing, Unreachable
from vaultd.jobs import drill as drilling
from vaultd.jobs.comparing import DIFFERS
from vaultd.jobs.drill import newest_complete
from vaultd.jobs.filling import reads_back
from vaultd.jobs.opening import open_other
from vaultd.jobs.planning import PARTLY, UNREADABLE
from vaultd.jobs.restore import plan_restore, restore
from vaultd.tree.snapshots import Snapshot


@pytest.fixture
def computer(tmp_path: Path) -> Computer:
    return folder_in_two_copies(tmp_path)


def test_each_copy_gives_everything_back_and_it_is_remembered(computer: Computer) -> None:
    before = [files(computer.copy), files(computer.copy.parent / "second")]
    assert remembered(computer) == [None, None]
    found = drilled(computer)
    assert passed(found) == {"main": True, "second": True}
    assert [(each.files, each.folders) for each in (of(found, "main"), of(found, "second"))] == [(20, 1)] * 2
    for each in remembered(computer):
        assert each is not None
        assert (each.files, each.wrong, each.seed) == (20, 0, 7)
    assert [files(computer.copy), files(computer.copy.parent / "second")] == before
    assert not is_left(computer)


def test_everything_that_can_be_saved_comes_back_as_it_was(tmp_path: Path) -> None:
    computer = two_copies(tmp_path, tmp_path / "second")
    make_sample(tmp_path / "photos" / "all")
    saved(computer, "a")
    found = drilled(computer, files=1000)
    assert passed(found) == {"main": True, "second": True}
    assert of(found, "main").files > 250
    assert of(found, "main").untried == []


def test_a_damaged_pack_fails_its_copy_and_names_the_file(computer: Computer) -> None:
    """The other copy has it right, and is not asked."""
    largest = max(packs(computer.copy.parent / "second"), key=lambda path: path.stat().st_size)
    flip(largest)
    found = drilled(computer)
    assert passed(found) == {"main": True, "second": False}
    wrong = {trouble.path for _, trouble in of(found, "second").wrong}
    assert wrong
    assert wrong <= {b"a", *(b"below/%d" % number for number in range(8))}
    assert {trouble.error for _, trouble in of(found, "second").wrong} <= {UNREADABLE, PARTLY}
    one, other = remembered(computer)
    assert one is not None
    assert other is not None
    assert (one.wrong, bool(other.wrong)) == (0, True)
    assert not is_left(computer)


def test_a_pack_of_pages_that_is_gone_fails_its_copy(computer: Computer) -> None:
    for pack in packs(computer.copy)[-2:]:
        pack.unlink()
    assert passed(drilled(computer)) == {"main": False, "second": True}


def test_a_copy_without_a_key_fails(computer: Computer) -> None:
    shutil.rmtree(computer.copy.parent / "second" / "keys")
    found = drilled(computer)
    assert passed(found) == {"main": True, "second": False}
    assert [type(error) for error in of(found, "second").damage] == [Missing]


def test_a_copy_that_lost_much_fails(computer: Computer) -> None:
    for folder in ("packs", "log"):
        shutil.rmtree(computer.copy.parent / "second" / folder)
    found = drilled(computer)
    assert passed(found) == {"main": True, "second": False}
    assert [type(error) for error in of(found, "second").damage] == [LostTooMuch]


def test_a_copy_that_is_away_neither_passes_nor_fails(computer: Computer) -> None:
    drilled(computer)
    before = remembered(computer)
    second = computer.copy.parent / "second"
    second.rename(computer.copy.parent / "away")
    found = drilled(computer, seed=8)
    assert passed(found) == {"main": True, "second": None}
    assert isinstance(found["second"], Unreachable)
    assert remembered(computer)[1] == before[1]


def test_nothing_that_is_remembered_helps(computer: Computer) -> None:
    """The local state of the copy knows the log and the tables; the drill reads those of the copy."""
    second = computer.copy.parent / "second"
    with computer.opened() as session, open_other(session, session.others[0]) as vault:
        assert vault.journal.records
    for path in (second / "log").rglob("*"):
        if path.is_file():
            flip(path)
    computer.home.ledger_file.unlink()  # which knows the copy as one that lost much
    found = drilled(computer)
    assert passed(found) == {"main": True, "second": False}
    assert of(found, "second").damage


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def test_what_differs_from_what_was_saved_is_wrong(
    computer: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restore that does its work badly, file by file."""

    def badly(plan: object, *given: object) -> object:
        restored = restore(plan, *given)  # type: ignore[arg-type]
        for path in Path(os.fsdecode(plan.target)).iterdir():  # type: ignore[attr-defined]
            if change:
                change.pop()(path)
        return restored

    change = [
        lambda path: path.chmod(0o100),
        lambda path: os.utime(path, ns=(0, 1)),
        lambda path: path.write_bytes(b""),
        lambda path: path.rename(path.with_name("other")),
        folder_instead,
    ]
    monkeypatch.setattr(drilling, "restore", badly)
    found = of(drilled(computer), "main")
    assert {trouble.error for _, trouble in found.wrong} == {DIFFERS}
    assert sorted(trouble.detail for _, trouble in found.wrong) == ["kind", "missing", "mode", "size", "time"]


def test_bytes_are_read_back_and_hashed_again(computer: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []

    def noted(view: object, entry: object, *given: object) -> bool:
        seen.append(entry)
        return reads_back(view, entry, *given)  # type: ignore[arg-type]

    monkeypatch.setattr("vaultd.jobs.readback.reads_back", noted)
    assert of(drilled(computer), "main").files == 20
    assert len(seen) == 2 * 20


def test_so_many_files_as_asked_and_the_same_by_the_same_seed(
    computer: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths: list[bytes] = []
    plan = plan_restore

    def noted(view: object, path: bytes, *given: object) -> object:
        paths.append(path)
        return plan(view, path, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(drilling, "plan_restore", noted)

    def chosen(seed: int) -> list[bytes]:
        paths.clear()
        drilled(computer, files=3, seed=seed)
        assert len(paths) == 2 * (3 + 1)
        return paths[:4]

    first = chosen(1)
    assert chosen(1) == first
    assert any(chosen(seed) != first for seed in range(2, 12))


def test_a_sample_is_bounded_in_bytes_though_one_file_is_tried(
    computer: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drilling, "MOST_BYTES", 7000)
    found = of(drilled(computer), "main")
    assert 2 <= found.files <= 3
    assert found.bytes <= 7000
    monkeypatch.setattr(drilling, "MOST_BYTES", 1)
    assert of(drilled(computer), "main").files == 1


def test_a_copy_without_snapshots_is_not_drilled(tmp_path: Path) -> None:
    computer = two_copies(tmp_path, tmp_path / "second")
    found = drilled(computer)
    assert [of(found, label).tried for label in found] == [False, False]
    assert remembered(computer) == [None, None]


def partial(snapshot: Snapshot) -> Snapshot:
    """The same with a file that could not be read."""
    return replace(snapshot, body=msgspec.structs.replace(snapshot.body, complete=False))


def test_the_newest_complete_snapshot_of_each_source_is_taken(computer: Computer, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "x").write_bytes(b"x")
    computer.add(tmp_path / "more")
    computer.save("more")
    brought_up(computer)
    everything = computer.snapshots()
    of_photos = [each for each in everything if each.body.name == "photos"]
    of_more = next(each for each in everything if each.body.name == "more")
    known = [partial(each) if each in (of_photos[-1], of_more) else each for each in everything]
    assert {each.id for each in newest_complete(known)} == {of_photos[-2].id, of_more.id}
    assert {each.id for each in of(drilled(computer), "main").snapshots} == {of_photos[-1].id, of_more.id}
