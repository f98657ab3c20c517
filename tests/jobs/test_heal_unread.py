"""What a check puts right of all that it comes upon without reading every byte."""

from pathlib import Path

import pytest

from tests.damage import flip
from tests.disks import Disk
from tests.jobs.test_heal import checked, copies_of
from tests.jobs.test_protect import files, saved, two_copies
from tests.jobs.vaults import Computer
from vaultd.ids import pack_name
from vaultd.jobs.level import PROTECTED
from vaultd.tree.snapshots import list_snapshots
from vaultd.tree.view import folder_id


@pytest.fixture
def computer(tmp_path: Path, disk: Disk) -> Computer:
    """Two copies, four snapshots, protected."""
    computer = two_copies(tmp_path, disk.path / "vault")
    for name in "abcd":
        assert saved(computer, name).level == PROTECTED
    return computer


@pytest.mark.parametrize("which", ["main", "second"])
def test_a_page_that_rots_is_put_right_without_reading_every_byte(
    computer: Computer, disk: Disk, which: str
) -> None:
    """The head and the table of its pack are right; only who walks the folders comes upon it."""
    copy = copies_of(computer, disk)[which]
    with computer.opened() as session:
        root = list_snapshots(session.vault.journal)[-1].body.root
        (place,) = session.vault.index.places(folder_id(root))
    harmed, before = copy / pack_name(place.pack), files(copy)
    flip(harmed, place.offset + place.sealed_len // 2)
    looked = checked(computer, read_data=False, heals=False)[which]
    assert [getattr(error, "name", None) for error in looked.damage] == [pack_name(place.pack)]
    assert looked.lost_count
    assert not looked.sound
    report = checked(computer, read_data=False)[which]
    assert (report.sound, report.healed, report.lost_count) == (True, [pack_name(place.pack)], 0)
    assert before.items() <= files(copy).items()


@pytest.mark.parametrize("which", ["main", "second"])
def test_records_that_are_gone_from_the_middle_are_put_back_and_told(
    computer: Computer, disk: Disk, which: str
) -> None:
    copy = copies_of(computer, disk)[which]
    assert checked(computer, read_data=False)[which].sound  # whose names it has read by then
    before = files(copy)
    gone = sorted(path for path in (copy / "log").rglob("*") if path.is_file())[2:4]
    for path in gone:
        path.unlink()
    report = checked(computer, read_data=False)[which]
    assert report.sound
    assert sorted(report.healed) == [str(path.relative_to(copy)) for path in gone]
    assert before.items() <= files(copy).items()
