"""A real folder into a real vault and out again, by the program and by docs/recover.py, unchanged."""

import os
import stat
from pathlib import Path

import pytest

from tests.compare_trees import allocated, differences
from tests.jobs.sample import MIB, make_sample
from tests.jobs.vaults import Computer, new_vault

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="devices and owners are root's")


@pytest.fixture
def computer(tmp_path: Path) -> Computer:
    return new_vault(tmp_path)


def test_everything_comes_back_to_a_folder_of_another_tongue(computer: Computer, tmp_path: Path) -> None:
    source = tmp_path / "来源 文件夹"
    make_sample(source)
    if os.geteuid() == 0:
        os.chown(source / "large", 12345, 54321)
        os.chown(source / "links" / "dangling", 1, 2, follow_symlinks=False)
    computer.add(source)
    taken = computer.save("来源 文件夹")
    assert (taken.troubles, taken.notes) == ((), ())
    assert computer.checked().sound
    restored = computer.give_back(tmp_path / "取回", verify=True)
    assert differences(source, tmp_path / "取回", root=True) == []
    assert (restored.complete, restored.troubles.notes) == (True, [])
    assert allocated(tmp_path / "取回" / "holes" / "middle") < MIB
    computer.recovered(tmp_path / "recovered")
    assert differences(source, tmp_path / "recovered") == []


@needs_root
def test_devices_and_rights_come_back_when_asked(computer: Computer, tmp_path: Path) -> None:
    make_sample(tmp_path / "source", special=True)
    computer.add(tmp_path / "source")
    assert computer.save("source").troubles == ()
    restored = computer.give_back(tmp_path / "all", special=True)
    assert differences(tmp_path / "source", tmp_path / "all", root=True) == []
    assert restored.complete
    computer.give_back(tmp_path / "harmless")
    devices = tmp_path / "harmless" / "devices"
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in devices.iterdir()} == {
        "set uid": 0o755,
        "set gid": 0o755,
        "both": 0o711,
    }


def test_a_snapshot_without_changes_is_the_same_tree(computer: Computer, tmp_path: Path) -> None:
    make_sample(tmp_path / "source")
    computer.add(tmp_path / "source")
    first, second = computer.save("source"), computer.save("source")
    assert first.snapshot.body.root == second.snapshot.body.root
    assert second.snapshot.body.attic is None
    assert second.snapshot.body.packs == []
    assert second.snapshot.body.counts["changed"] == 0


def test_without_its_state_a_computer_goes_on_as_a_new_device(computer: Computer, tmp_path: Path) -> None:
    make_sample(tmp_path / "source")
    computer.add(tmp_path / "source")
    first = computer.save("source")
    for path in computer.home.state.glob("state.db*"):
        path.unlink()
    (computer.home.state / "device").unlink()
    second = computer.save("source")
    assert second.snapshot.device != first.snapshot.device
    assert second.snapshot.body.root == first.snapshot.body.root
    assert second.snapshot.body.parents == [first.snapshot.id]
    assert second.snapshot.body.attic is None
    assert second.snapshot.body.counts["stored"] == 0
    assert computer.checked().sound


def test_a_state_that_was_deleted_alone_costs_only_time(computer: Computer, tmp_path: Path) -> None:
    make_sample(tmp_path / "source")
    computer.add(tmp_path / "source")
    first = computer.save("source")
    for path in computer.home.state.glob("state.db*"):
        path.unlink()
    second = computer.save("source")
    assert second.snapshot.body.root == first.snapshot.body.root
    assert computer.checked().sound
    assert len(computer.snapshots()) == 2
