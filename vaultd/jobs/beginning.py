"""Take this device's place in the log, and say what it knows where others wait for that."""

import os
import platform

from vaultd.format.keeping import DeviceRetiredBody
from vaultd.jobs.devices import remember_devices, remembered_devices
from vaultd.jobs.session import Session
from vaultd.jobs.spool import waiting_for
from vaultd.store.journal import Journal
from vaultd.tree.purging import Purging


def begin_writing(session: Session) -> None:
    """Take this device's place in the log: its own, or a new one that says which it replaces."""
    journal, home = session.vault.journal, session.home
    before = remembered_devices(home)
    # What waits here for another copy was begun with less than is known now.
    journal.silent = any(waiting_for(home, place) for place in session.others)
    device, session.replaced = _device(journal, before[0] if before else None)
    session.devices = tuple(dict.fromkeys((device, *before)))
    session.vault.copy.sweep((session.replaced or device).hex())
    journal.begin(device)
    if device not in before:
        journal.append("device", {"name": platform.node(), "replaces": session.replaced})
        # The earlier ones stay: the record that says what this one replaces may stand on one copy alone.
        remember_devices(home, session.devices)
        # From here on others wait for this device. Whatever they did before is to be known to it.
        if not session.away:
            session.vault.sync()
    elif journal.derived(Purging).owes_word(
        device, {each: head.seq for each, head in journal.known().items()}
    ):
        # Nothing else of this computer is under way: what it began before is committed, or will never be.
        journal.append("device", {"name": platform.node(), "replaces": _replaced(journal, device)})


def _device(journal: Journal, remembered: bytes | None) -> tuple[bytes, bytes | None]:
    """As `Journal.device`; one that is retired is not used again."""
    retired = {record.body["device"] for _, record in journal.of_kind(DeviceRetiredBody.WORD)}
    if remembered is not None and remembered in retired:
        return os.urandom(8), remembered
    return journal.device(remembered)


def _replaced(journal: Journal, device: bytes) -> bytes | None:
    """The device whose place this one took when it began."""
    said = (record for _, record in journal.of_kind("device") if record.device == device)
    return next((record.body["replaces"] for record in said if record.body["replaces"] is not None), None)
