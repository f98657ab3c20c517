"""Places that the conformance suite runs on: a copy, and hands behind its back. One class for each."""

import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from blake3 import blake3

from tests.copies import smbd, sshfs
from tests.copies.radosgw import ACCESS, SECRET
from tests.copies.smbd import Smbd
from tests.copies.sshd import Sshd, shared
from tests.copies.sshfs import Nas
from tests.copies.stores import BUCKET, Store, strict, weak
from vaultd.copies import locating
from vaultd.copies.bucket import Address, Keys
from vaultd.copies.contract import Copy
from vaultd.copies.directory import DirectoryCopy
from vaultd.copies.locating import Location
from vaultd.copies.memory import MemoryCopy
from vaultd.copies.objectplace import create_objects
from vaultd.ids import index_name, key_name, log_name, pack_name, parity_name

VAULT, COPY = bytes(range(16)), bytes(range(16, 32))
KEYS = Keys(ACCESS, SECRET)
DEVICE, OTHER_DEVICE = "d1" * 8, "d2" * 8


class Place(Protocol):
    copy: Copy
    # Whether it answers whoever reads a file while others replace and remove it.
    steady: bool

    def plant(self, name: str, data: bytes) -> None:
        """Put bytes there as a fault or a stranger would, whatever the name."""
        ...

    def take_away(self, name: str) -> None: ...

    def names(self) -> Iterator[str]:
        """Everything that is really there."""
        ...


class _Folder:
    """What both kinds of folder have in common: the hands behind their back."""

    path: Path
    steady = True

    def plant(self, name: str, data: bytes) -> None:
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)

    def take_away(self, name: str) -> None:
        (self.path / name).unlink()

    def names(self) -> Iterator[str]:
        return (str(p.relative_to(self.path)) for p in self.path.rglob("*") if not p.is_dir())


class Directory(_Folder):
    def __init__(self, scratch: Path) -> None:
        self.path = scratch / "copy"
        self.copy: Copy = DirectoryCopy.create(self.path, VAULT, COPY, "disk", DEVICE)


class Memory:
    steady = True

    def __init__(self, scratch: Path) -> None:
        self.memory = MemoryCopy(VAULT, COPY, "memory")
        self.copy: Copy = self.memory

    def plant(self, name: str, data: bytes) -> None:
        self.memory.files[name] = data

    def take_away(self, name: str) -> None:
        del self.memory.files[name]

    def names(self) -> Iterator[str]:
        return iter(list(self.memory.files))


class Sftp(_Folder):
    """A folder that a real server serves; the hands behind its back do not go through it."""

    def __init__(self, scratch: Path, server: Sshd | None = None) -> None:
        self.server = server or shared()
        self.path = Path(tempfile.mkdtemp(dir=self.server.root)) / "copy"
        self.where = Location(self.server.url(self.path), self.server.options)
        self.copy: Copy = locating.create_copy(self.where, VAULT, COPY, "nas", DEVICE)


class Mounted(_Folder):
    """A folder of another host, mounted here."""

    def __init__(self, scratch: Path, nas: Nas | None = None) -> None:
        self.nas = nas or sshfs.shared()
        self.path = Path(tempfile.mkdtemp(dir=self.nas.path)) / "copy"
        self.copy: Copy = DirectoryCopy.create(self.path, VAULT, COPY, "nas", DEVICE)


class Smb(_Folder):
    """A folder of a share that a real server has."""

    def __init__(self, scratch: Path, server: Smbd | None = None) -> None:
        self.server = server or smbd.shared()
        self.path = Path(tempfile.mkdtemp(dir=self.server.share)) / "copy"
        self.where = Location(self.server.url(f"{self.path.parent.name}/copy"), self.server.options)
        self.copy: Copy = locating.create_copy(self.where, VAULT, COPY, "share", DEVICE)


class Objects:
    """A prefix of its own in the bucket of a real store, and a client that is not vaultd's."""

    steady = True

    def __init__(self, store: Store) -> None:
        self.prefix = f"test/{secrets.token_hex(8)}"
        self.hands = store.hands
        self.address = Address(BUCKET, self.prefix, store.endpoint)
        self.copy: Copy = create_objects(self.address, KEYS, VAULT, COPY, "cloud")

    def plant(self, name: str, data: bytes) -> None:
        self.hands.put(f"{self.prefix}/{name}", data)

    def take_away(self, name: str) -> None:
        self.hands.delete(f"{self.prefix}/{name}")

    def names(self) -> Iterator[str]:
        return (key.removeprefix(f"{self.prefix}/") for key in self.hands.keys(f"{self.prefix}/"))


class StrictStore(Objects):
    def __init__(self, scratch: Path) -> None:
        super().__init__(strict())


class WeakStore(Objects):
    steady = False  # rclone shows a file that is being written, and cuts off who reads one that is replaced

    def __init__(self, scratch: Path) -> None:
        super().__init__(weak())


PLACES = (Directory, Memory, Mounted, Sftp, Smb, StrictStore, WeakStore)


def pack_of(data: bytes) -> str:
    return pack_name(blake3(data).digest())


def one_of_each(data: bytes) -> dict[str, bytes]:
    """A pack, an index, a key, a log file and parity, all different: name to bytes."""
    a, b, c, d, e = (data + bytes([n]) for n in range(5))
    log = log_name(bytes.fromhex(DEVICE), 7, blake3(d).digest())
    return {
        pack_name(blake3(a).digest()): a,
        index_name(blake3(b).digest()): b,
        key_name(blake3(c).digest()): c,
        log: d,
        parity_name(blake3(e).digest()): e,
    }


def held(copy: Copy) -> dict[str, int]:
    return {stored.name: stored.size for stored in copy.list()}


def set_aside(copy: Copy) -> list[bytes]:
    return sorted(copy.get(stored.name) for stored in copy.quarantined())
