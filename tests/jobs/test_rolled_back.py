"""An older state of a copy, put back from an image or a clone: it looks whole, and is not taken for rot."""

import shutil
from pathlib import Path

import pytest

from tests.disks import Disk
from tests.jobs.test_protect import brought_up, files, looked_at, saved, two_copies
from tests.jobs.vaults import Computer
from vaultd import ids
from vaultd.errors import RolledBack
from vaultd.jobs.check import Report, check_copies
from vaultd.jobs.enrolling import find_copy
from vaultd.jobs.heal import accept
from vaultd.jobs.level import PROTECTED, SAVED
from vaultd.progress import Silent


@pytest.fixture
def computer(tmp_path: Path, disk: Disk) -> Computer:
    """Two copies, twelve snapshots, protected."""
    made = two_copies(tmp_path, disk.path / "vault")
    for name in "abcdefghijkl":
        assert saved(made, name).level == PROTECTED
    return made


@pytest.fixture
def image(disk: Disk, tmp_path: Path, computer: Computer) -> Path:
    """The second copy as it was then."""
    return Path(shutil.copytree(disk.path / "vault", tmp_path / "image"))


def put_back(image: Path, copy: Path) -> dict[str, bytes]:
    shutil.rmtree(copy)
    shutil.copytree(image, copy)
    return files(copy)


def test_one_snapshot_older_is_neither_written_nor_counted(
    computer: Computer, disk: Disk, image: Path
) -> None:
    second = disk.path / "vault"
    assert saved(computer, "m").level == PROTECTED
    older = put_back(image, second)
    assert len(files(computer.copy)) - len(older) <= 3  # as few as rot may take
    assert [type(each.error) for each in looked_at(computer).copies] == [type(None), RolledBack]
    reached = saved(computer, "n")
    assert reached.level == SAVED
    assert [type(each.error) for each in reached.behind] == [RolledBack]
    assert files(second) == older
    with computer.opened(writing=True) as session:
        checked = check_copies(session, session.settings.copies, Silent(), lambda: None, heals=True)
        assert not any(report.healed for _, report in checked if isinstance(report, Report))
    assert files(second) == older


def test_its_owner_has_it_filled_again(computer: Computer, disk: Disk, image: Path) -> None:
    second = disk.path / "vault"
    saved(computer, "m")
    put_back(image, second)
    saved(computer, "n")
    with computer.opened(writing=True) as session:
        accept(session, find_copy(session.settings, "second").copy_id)
    assert brought_up(computer).level == PROTECTED
    assert files(second) == files(computer.copy)
    assert saved(computer, "o").level == PROTECTED


def test_the_first_copy_is_passed_over(computer: Computer, disk: Disk, tmp_path: Path) -> None:
    first = Path(shutil.copytree(computer.copy, tmp_path / "first"))
    saved(computer, "m")
    older = put_back(first, computer.copy)
    reached = saved(computer, "n")
    assert reached.level == SAVED
    assert files(computer.copy) == older
    computer.give_back(tmp_path / "back", "photos")
    assert (tmp_path / "back" / "n").exists()


def test_a_copy_that_was_away_is_only_behind(computer: Computer, disk: Disk, image: Path) -> None:
    disk.unplug()
    for name in "mnop":
        saved(computer, name)
    disk.plug()
    assert brought_up(computer).level == PROTECTED
    assert files(disk.path / "vault") == files(computer.copy)


def test_an_earlier_record_that_is_gone_is_rot(computer: Computer, disk: Disk) -> None:
    logs = sorted((disk.path / "vault" / "log").rglob("*-*"))
    assert ids.parse(str(logs[3].relative_to(disk.path / "vault"))) is not None
    logs[3].unlink()
    assert brought_up(computer).level == PROTECTED
    assert files(disk.path / "vault") == files(computer.copy)
