"""A restore from two damaged copies gives everything that either of them has."""

import os
from pathlib import Path

import pytest

from tests.compare_trees import differences
from tests.damage import flip
from tests.disks import Disk
from tests.jobs.test_heal import copies_of
from tests.jobs.test_protect import packs, saved, two_copies
from tests.jobs.vaults import Computer
from vaultd.jobs.elsewhere import from_anywhere
from vaultd.jobs.restore import Options, plan_restore, restore
from vaultd.progress import Silent
from vaultd.tree.snapshots import list_snapshots
from vaultd.tree.view import View


@pytest.fixture
def computer(tmp_path: Path, disk: Disk) -> Computer:
    computer = two_copies(tmp_path, disk.path / "vault")
    for name in "abcdef":
        saved(computer, name)
    return computer


@pytest.mark.parametrize("which", ["main", "second"])
def test_what_one_copy_cannot_give_is_restored_from_the_other(
    computer: Computer, disk: Disk, tmp_path: Path, which: str
) -> None:
    """Half of the packs are damaged or gone in one copy, the other half in the other."""
    copies = copies_of(computer, disk)
    every = sorted(str(path.relative_to(computer.copy)) for path in packs(computer.copy))
    for number, name in enumerate(every):
        harmed = copies[which if number % 2 else {"main": "second", "second": "main"}[which]] / name
        if number % 4 < 2:
            flip(harmed)
        else:
            harmed.unlink()
    with computer.opened() as session, from_anywhere(session) as blobs:
        body = list_snapshots(session.vault.journal)[-1].body
        plan = plan_restore(
            View(blobs, body.root, body.attic), b"", os.fsencode(tmp_path / "back"), Options()
        )
        restored = restore(plan, session.vault.keys, Silent(), lambda: False)
        assert blobs.helped
    assert restored.complete
    assert differences(tmp_path / "photos", tmp_path / "back", root=True) == []
