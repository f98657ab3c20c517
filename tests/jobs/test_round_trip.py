"""A real folder into a real vault and out again, by the program and by docs/recover.py, unchanged."""

import os
import stat
from pathlib import Path

import pytest

from tests.compare_trees import allocated, differences
from tests.jobs.sample import MIB, make_sample
from tests.jobs.vaults import Computer, new_vault
from vaultd.format.limits import PAGE
from vaultd.format.record import encode_record
from vaultd.jobs.restore import Options, plan_restore, restore
from vaultd.progress import Silent
from vaultd.tree.snapshots import list_snapshots
from vaultd.tree.view import View, folder_id

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


def test_files_that_hold_pieces_of_a_vault_are_only_files(computer: Computer, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "folder").mkdir(parents=True)
    (source / "folder" / "file").write_bytes(b"content")
    computer.add(source)
    first = computer.save("source")
    for number, path in enumerate(sorted(path for path in computer.copy.rglob("*") if path.is_file())):
        (source / f"{number} {path.name[:40]}").write_bytes(path.read_bytes())
    with computer.opened() as session:
        page = session.vault.read(folder_id(first.snapshot.body.root), PAGE)
        (source / "a page").write_bytes(page)
        (source / "a record").write_bytes(encode_record(session.vault.journal.records[first.snapshot.id]))
    second = computer.save("source")
    assert [found.id for found in computer.snapshots()] == [first.snapshot.id, second.snapshot.id]
    assert computer.checked().sound
    computer.give_back(tmp_path / "back")
    assert differences(source, tmp_path / "back", root=True) == []


def test_nobody_else_can_read_what_is_unfinished(computer: Computer, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "film").write_bytes(os.urandom(9 * MIB))
    (tmp_path / "source" / "film").chmod(0o644)
    computer.add(tmp_path / "source")
    os.umask(0)  # whoever relies on it is found out
    computer.save("source")
    target = tmp_path / "back"
    with computer.opened() as session:
        body = list_snapshots(session.vault.journal)[0].body
        plan = plan_restore(View(session.vault, body.root), b"", os.fsencode(target), Options())
        seen: set[int] = set()

        def look() -> bool:
            drafts = target.glob(".vaultd-restore-*") if target.is_dir() else ()
            seen.update(stat.S_IMODE(path.stat().st_mode) for path in drafts)
            return False

        restore(plan, session.vault.keys, Silent(), look)
    assert seen == {0o600}
    assert stat.S_IMODE((target / "film").stat().st_mode) == 0o644
    own = [path for top in (computer.copy, computer.home.state) for path in (top, *top.rglob("*"))]
    assert [path for path in own if path.stat().st_mode & 0o077] == []
