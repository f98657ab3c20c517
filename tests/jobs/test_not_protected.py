"""What looks as if it were on two disks, and is not: nobody may call it protected."""

import os
from pathlib import Path

import pytest

from tests.disks import Disk
from tests.jobs.test_protect import brought_up, looked_at, packs, saved, two_copies
from tests.jobs.vaults import Computer
from vaultd.jobs.forget import forget
from vaultd.jobs.level import PROTECTED, SAVED
from vaultd.store.journal import Journal


@pytest.fixture
def computer(tmp_path: Path, disk: Disk) -> Computer:
    return two_copies(tmp_path, disk.path / "vault")


@pytest.mark.parametrize("which", ["main", "second"])
@pytest.mark.parametrize("kind", ["packs", "log", "keys"])
@pytest.mark.parametrize("left", [0, 100])
def test_what_the_listing_shows_to_be_cut_off_is_not_called_protected(
    computer: Computer, disk: Disk, which: str, kind: str, left: int
) -> None:
    """Nobody has read it since: its length says enough."""
    saved(computer, "a")
    with computer.opened() as session:
        ours = session.slot  # without it this computer's key opens nothing
    copies = {"main": computer.copy, "second": disk.path / "vault"}
    cut = next(path for path in (copies[which] / kind).rglob("*") if path.is_file() and path.name != ours)
    os.truncate(cut, left)
    found = looked_at(computer)
    assert (found.level, found.worst) == (SAVED, True)
    assert {copy.place.label: copy.behind for copy in found.copies} == {
        label: int(label == which) for label in copies
    }
    assert brought_up(computer).level == PROTECTED
    assert looked_at(computer).level == PROTECTED


def interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_pack_of_a_run_that_was_cut_off_is_missed_when_it_goes(
    computer: Computer, disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The snapshot after it relies on what lies in it, and nobody had read it back."""
    saved(computer, "a")
    disk.unplug()
    before = set(packs(computer.copy))
    (tmp_path / "photos/b").write_bytes(os.urandom(9000))
    with monkeypatch.context() as cut:
        cut.setattr(Journal, "append", interrupted)
        with pytest.raises(KeyboardInterrupt):
            computer.save("photos")
    computer.save("photos")
    left = max(set(packs(computer.copy)) - before, key=lambda path: path.stat().st_size)
    left.unlink()
    disk.plug()
    assert brought_up(computer).level == SAVED
    assert looked_at(computer).level == SAVED


def test_a_pack_that_only_a_forgotten_snapshot_names_is_missed_by_the_next_one(
    computer: Computer, disk: Disk, tmp_path: Path
) -> None:
    disk.unplug()
    (tmp_path / "photos/a").write_bytes(os.urandom(9000))
    first = computer.save("photos").snapshot
    (tmp_path / "photos/b").write_bytes(b"b")
    computer.save("photos")
    with computer.opened(writing=True) as session:
        forget(session, [first])
    max(packs(computer.copy), key=lambda path: path.stat().st_size).unlink()
    disk.plug()
    assert brought_up(computer).level == SAVED
    assert looked_at(computer).level == SAVED
