"""The state of a computer was copied to a second one, and a daemon runs on each."""

import contextlib
import shutil
from functools import partial
from pathlib import Path

from tests.daemon.at_work import at_work, is_as_the_folder
from tests.jobs.vaults import Computer
from tests.waiting import until
from vaultd.errors import NoSuchPath
from vaultd.jobs.journal import Verified, verify
from vaultd.settings import find_home


def test_two_daemons_on_one_cloned_state(computer: Computer, tmp_path: Path) -> None:
    """Both count, whoever was first: every change is in the vault, and the log is readable throughout."""
    computer.save("photos")
    home = find_home(str(tmp_path / "clone"))
    shutil.copytree(computer.home.state, home.state)
    clone = Computer(home, computer.copy, computer.key)
    with at_work(computer) as one, at_work(clone) as other:
        for name in "abcdef":
            (tmp_path / "photos" / name).write_text(name)
            assert until(partial(has, computer, name))
        assert one.errors == other.errors == []
    devices = {snapshot.device for snapshot in computer.snapshots()}
    assert len(devices) >= 2
    assert computer.checked().sound
    assert is_as_the_folder(computer, "photos")
    with computer.opened() as session:
        ((_, found),) = verify(session, lambda: None)
    assert isinstance(found, Verified)
    assert found.troubles == []
    assert found.devices == len({record.device for record in session.vault.journal.records.values()})


def has(computer: Computer, name: str) -> bool:
    with computer.view() as view, contextlib.suppress(NoSuchPath):
        view.lookup(name.encode())
        return True
    return False
