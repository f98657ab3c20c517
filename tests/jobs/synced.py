"""Two copies for tests of catching up: one of every kind of file, and a target that remembers what it got."""

from typing import Any

from blake3 import blake3

from vaultd.copies.contract import Buffer, Copy
from vaultd.copies.memory import MemoryCopy
from vaultd.errors import Full
from vaultd.ids import index_name, key_name, log_name, pack_name
from vaultd.jobs.sync import CaughtUp, catch_up
from vaultd.progress import Silent

VAULT = bytes(range(16))
ONE, OTHER = b"device-1", b"device-2"
FOLDERS = ("keys", "packs", "index", "log")
FLIPPED = b"\x00flipped"


def log(device: bytes, seq: int) -> tuple[str, bytes]:
    data = b"record %d of " % seq + device
    return log_name(device, seq, blake3(data).digest()), data


def named(make: object, data: bytes) -> tuple[str, bytes]:
    return make(blake3(data).digest()), data  # type: ignore[operator]


KEYS = dict(named(key_name, b"slot %d" % n) for n in range(2))
PACKS = dict(named(pack_name, b"pack %d" % n * 100) for n in range(5))
INDEXES = dict(named(index_name, b"index %d" % n) for n in range(2))
LOGS = dict(log(device, seq) for device, last in ((ONE, 11), (OTHER, 2)) for seq in range(1, last + 1))
ALL = KEYS | PACKS | INDEXES | LOGS
PACK = sorted(PACKS)[2]


class Noting(MemoryCopy):
    """A copy in memory that remembers the order of what was put; it damages put number `lies`, and has no
    room for put number `full`.
    """

    def __init__(self, name: str, files: dict[str, bytes] | None = None) -> None:
        super().__init__(VAULT, blake3(name.encode()).digest()[:16], name)
        self.files |= files or {}
        self.order: list[str] = []
        self.lies = self.full = -1

    def put(self, name: str, data: Buffer) -> None:
        if len(self.order) == self.full:
            raise Full(self.label)
        super().put(name, data)
        if name in ALL:
            if len(self.order) == self.lies:
                self.files[name] = FLIPPED
            self.order.append(name)

    @property
    def held(self) -> dict[str, bytes]:
        return {name: data for name, data in self.files.items() if name.startswith(FOLDERS)}


def pair() -> tuple[Noting, Noting]:
    return Noting("source", ALL), Noting("target")


def run(source: Copy, target: Copy, **more: Any) -> CaughtUp:
    return catch_up(source, target, Silent(), lambda: None, **more)


def is_safe(target: Noting) -> bool:
    """No record without every pack, and each device's log a prefix without a gap."""
    return is_safe_listing(set(target.held))


def is_safe_listing(names: set[str]) -> bool:
    for device in (ONE, OTHER):
        numbers = sorted(int(name.split("/")[2][:10]) for name in names if f"/{device.hex()}/" in name)
        if numbers != list(range(1, len(numbers) + 1)):
            return False
    return names >= PACKS.keys() or not any(name.startswith("log/") for name in names)
