"""A device that will never come back is retired by its owner's word; what it saved stays."""

from pathlib import Path

import pytest

from tests.jobs.vaults import Computer, new_vault
from vaultd.errors import BadUsage, NoSuchDevice
from vaultd.jobs.retire import find_device, retire_device
from vaultd.tree.devices import list_devices


@pytest.fixture
def two(tmp_path: Path) -> tuple[Computer, Computer]:
    one = new_vault(tmp_path)
    other = one.another(tmp_path / "other")
    for computer, name in ((one, "mine"), (other, "theirs")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a").write_text(name)
        computer.add(tmp_path / name, name)
        computer.save(name)
    return one, other


def test_a_retired_device_is_waited_for_no_more_and_what_it_saved_stays(
    two: tuple[Computer, Computer],
) -> None:
    one, other = two
    with other.opened() as session:
        theirs = session.device
    with one.opened(writing=True) as session:
        found = find_device(session, theirs.hex()[:6])
        assert found.writes
        retire_device(session, found)
        retire_device(session, find_device(session, theirs.hex()))
        after = {device.id: device for device in list_devices(session.vault.journal)}
        assert after[theirs].retired
        assert not after[theirs].writes
        assert after[session.device].writes
        assert len(session.vault.journal.of_kind("device-retired")) == 1
    assert {each.body.name for each in one.snapshots()} == {"mine", "theirs"}


def test_no_computer_retires_itself(two: tuple[Computer, Computer]) -> None:
    with two[0].opened(writing=True) as session:
        with pytest.raises(BadUsage):
            retire_device(session, find_device(session, session.device.hex()))
        for word in ("", "xyz"):
            with pytest.raises(NoSuchDevice):
                find_device(session, word)
