"""Places that the conformance suite runs on: a copy, and hands behind its back. One class for each."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from blake3 import blake3

from vaultd.copies.contract import Copy
from vaultd.copies.directory import DirectoryCopy
from vaultd.copies.memory import MemoryCopy
from vaultd.ids import index_name, key_name, log_name, pack_name

VAULT, COPY = bytes(range(16)), bytes(range(16, 32))
DEVICE, OTHER_DEVICE = "d1" * 8, "d2" * 8


class Place(Protocol):
    copy: Copy

    def plant(self, name: str, data: bytes) -> None:
        """Put bytes there as a fault or a stranger would, whatever the name."""
        ...

    def take_away(self, name: str) -> None: ...

    def names(self) -> Iterator[str]:
        """Everything that is really there."""
        ...


class Directory:
    def __init__(self, scratch: Path) -> None:
        self.path = scratch / "copy"
        self.copy: Copy = DirectoryCopy.create(self.path, VAULT, COPY, "disk", DEVICE)

    def plant(self, name: str, data: bytes) -> None:
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)

    def take_away(self, name: str) -> None:
        (self.path / name).unlink()

    def names(self) -> Iterator[str]:
        return (str(p.relative_to(self.path)) for p in self.path.rglob("*") if not p.is_dir())


class Memory:
    def __init__(self, scratch: Path) -> None:
        self.memory = MemoryCopy(VAULT, COPY, "memory")
        self.copy: Copy = self.memory

    def plant(self, name: str, data: bytes) -> None:
        self.memory.files[name] = data

    def take_away(self, name: str) -> None:
        del self.memory.files[name]

    def names(self) -> Iterator[str]:
        return iter(list(self.memory.files))


PLACES = (Directory, Memory)


def pack_of(data: bytes) -> str:
    return pack_name(blake3(data).digest())


def one_of_each(data: bytes) -> dict[str, bytes]:
    """A pack, an index, a key and a log file, all different: name to bytes."""
    a, b, c, d = (data + bytes([n]) for n in range(4))
    log = log_name(bytes.fromhex(DEVICE), 7, blake3(d).digest())
    return {
        pack_name(blake3(a).digest()): a,
        index_name(blake3(b).digest()): b,
        key_name(blake3(c).digest()): c,
        log: d,
    }


def held(copy: Copy) -> dict[str, int]:
    return {stored.name: stored.size for stored in copy.list()}


def set_aside(copy: Copy) -> list[bytes]:
    return sorted(copy.get(stored.name) for stored in copy.quarantined())
