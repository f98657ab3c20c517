"""Retire a device that will never come back, so that nobody waits for what it may have begun."""

from vaultd.errors import BadUsage, NoSuchDevice
from vaultd.format.keeping import DeviceRetiredBody
from vaultd.jobs.session import Session
from vaultd.jobs.sources import my_devices
from vaultd.tree.devices import Device, list_devices


def find_device(session: Session, word: str) -> Device:
    """The device whose id begins so. Raises NoSuchDevice."""
    known = list_devices(session.vault.journal)
    found = [device for device in known if word and device.id.hex().startswith(word.lower())]
    if len(found) != 1:
        raise NoSuchDevice(word, len(found))
    return found[0]


def retire_device(session: Session, device: Device) -> None:
    """What it wrote stays. Should it come back, it goes on under a new id. Retiring it again is not an error.

    Raises BadUsage for this computer itself, and what writing to the copy raises.
    """
    if device.id in my_devices(session):
        raise BadUsage("retire-myself", device.short)
    if device.writes:
        body = DeviceRetiredBody(device=device.id, last=device.last)
        session.vault.journal.append(body.WORD, body.to_map())
