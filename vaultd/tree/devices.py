"""The devices that write to a vault, as the journal tells it."""

from dataclasses import dataclass

from vaultd.format.keeping import DeviceRetiredBody
from vaultd.format.record import DeviceBody
from vaultd.store.journal import Journal

SHORT = 8


@dataclass(frozen=True, slots=True)
class Device:
    """One id under which a computer writes (8 bytes): what that is called, the last of its records that is
    known, by number, id and time (ns), and why nobody waits for it any more: another id took its place, or
    its owner retired it and it has written nothing since.
    """

    id: bytes
    name: str
    last: tuple[int, bytes]
    time: int
    replaced: bool
    retired: bool

    @property
    def short(self) -> str:
        return self.id.hex()[:SHORT]

    @property
    def writes(self) -> bool:
        """Whether it may write again."""
        return not (self.replaced or self.retired)


def list_devices(journal: Journal) -> list[Device]:
    """All that ever wrote, who wrote last at the end."""
    names, replaced = {}, set()
    for _, record in journal.of_kind(DeviceBody.WORD):
        body = DeviceBody.from_map(record.body)
        names[record.device] = body.name
        replaced.add(body.replaces)
    retired: dict[bytes, int] = {}
    for _, record in journal.of_kind(DeviceRetiredBody.WORD):
        gone = DeviceRetiredBody.from_map(record.body)
        retired[gone.device] = max(retired.get(gone.device, 0), gone.last[0] if gone.last else 0)
    found = []
    for device, chain in journal.chains().items():
        identity, record = chain[-1]
        is_retired = record.seq <= retired.get(device, 0)
        last = record.seq, identity
        found.append(Device(device, names.get(device, ""), last, record.time, device in replaced, is_retired))
    return sorted(found, key=lambda device: (device.time, device.id))
