"""Which copy a place is (`vault.id`), and what kind of place it stands on.

The kind only decides warnings and how soon a file is read back: every answer is a best guess, and
the cautious one where the system does not tell.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vaultd.errors import Damaged, TooNew

MOUNTS = Path("/proc/self/mountinfo")
_TEXT = re.compile(rb"vaultd 1\n([0-9a-f]{32})\n([0-9a-f]{32})\n")
_OTHER_VERSION = re.compile(rb"vaultd [0-9]{1,9}\n")
_NETWORK = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "coda", "davfs"),
        *("ceph", "glusterfs", "lustre", "beegfs", "gpfs"),
        *("9p", "virtiofs", "vboxsf"),
    }
)
_MEMORY = frozenset({"tmpfs", "ramfs", "devtmpfs"})
# "//nas/photos", "nas:/export", "me@nas:", "https://nas/dav"; an address of IPv6 stands in brackets.
_FROM_HOST = re.compile(r"(?:[a-z]+:)?(?://)?(?:[^@/]*@)?(?:\[([^]]+)\]|([^/:]+))[:/]")
# vault.id is 75 bytes; whatever is longer is not one, and need not be read whole to know it.
ID_LENGTH = 9 + 33 + 33


@dataclass(frozen=True, slots=True)
class VaultId:
    """What `vault.id` says: the vault's id and this copy's id, 16 bytes each."""

    vault_id: bytes
    copy_id: bytes

    def encode(self) -> bytes:
        """The exact bytes of the file: three lines."""
        if len(self.vault_id) != 16 or len(self.copy_id) != 16:
            raise ValueError("ids are 16 bytes")
        return f"vaultd 1\n{self.vault_id.hex()}\n{self.copy_id.hex()}\n".encode()

    @classmethod
    def decode(cls, data: bytes) -> "VaultId":
        """Raises TooNew for another version of the format, Damaged for anything else that is not ours."""
        if match := _TEXT.fullmatch(data):
            return cls(bytes.fromhex(match[1].decode()), bytes.fromhex(match[2].decode()))
        if (match := _OTHER_VERSION.match(data)) and match[0] != b"vaultd 1\n":
            raise TooNew(match[0].decode().strip())
        raise Damaged("vault.id", reason="shape")


@dataclass(frozen=True, slots=True)
class Mount:
    """One mounted file system: where, of which type, and from what ("/dev/sdb1", "//nas/share").

    `device` ("8:1") is the file system, and `root` the folder of it that is seen at `point`.
    """

    point: str
    type: str
    source: str
    device: str = ""
    root: str = "/"


def mount_of(path: Path, mounts: Path = MOUNTS) -> Mount | None:
    """The file system that `path` stands on; None where the system does not tell."""
    real = os.path.realpath(path)
    best = None
    for mount in _mounted(mounts):
        inside = real == mount.point or real.startswith(mount.point.rstrip("/") + "/")
        # Of two at one point the later hides the earlier, hence >=.
        if inside and (best is None or len(mount.point) >= len(best.point)):
            best = mount
    return best


def on_disk(path: Path, mounts: Path = MOUNTS) -> tuple[str, Path] | None:
    """The file system that `path` stands on, and where in it: the same by whatever mount one gets there.

    None where the system does not tell.
    """
    mount = mount_of(path, mounts)
    if mount is None or not mount.device:
        return None
    return mount.device, Path(mount.root, os.path.relpath(os.path.realpath(path), mount.point))


def mounts_inside(path: Path, mounts: Path = MOUNTS) -> list[Mount]:
    """The file systems that are mounted somewhere below `path`, in the order in which they were."""
    above = os.path.realpath(path).rstrip("/") + "/"
    return [mount for mount in _mounted(mounts) if mount.point.startswith(above) and mount.point != above]


def is_network(path: Path, mounts: Path = MOUNTS) -> bool:
    """Whether another machine, or a program in between, answers for the bytes."""
    mount = mount_of(path, mounts)
    return mount is not None and is_remote(mount)


def is_remote(mount: Mount) -> bool:
    """As `is_network`, of a file system."""
    return mount.type in _NETWORK or mount.type == "fuse" or mount.type.startswith("fuse.")


def is_memory(path: Path, mounts: Path = MOUNTS) -> bool:
    """Whether what stands there is in this computer's memory, and gone when it is switched off."""
    mount = mount_of(path, mounts)
    return mount is not None and mount.type in _MEMORY


def is_removable(path: Path, mounts: Path = MOUNTS, blocks: Path = Path("/sys/class/block")) -> bool:
    """Whether the disk can be pulled out: it says so itself, or hangs on USB."""
    mount = mount_of(path, mounts)
    if mount is None or not mount.source.startswith("/dev/"):
        return False
    device = Path(os.path.realpath(blocks / Path(os.path.realpath(mount.source)).name))
    disk = device.parent if (device / "partition").exists() else device
    try:
        return (disk / "removable").read_text().strip() == "1" or "/usb" in str(disk)
    except OSError:
        return False


def same_disk(one: Path, other: Path, mounts: Path = MOUNTS) -> bool:
    """Whether both stand on one file system, or come from one host, so that one failure takes both. OSError
    if one is not there.
    """
    if one.stat().st_dev == other.stat().st_dev:
        return True
    first, second = mount_of(one, mounts), mount_of(other, mounts)
    if first is None or second is None:
        return False
    # Each subvolume of btrfs has a number of its own, and all of them the one disk.
    if first.device == second.device != "":
        return True
    is_disk = first.source.startswith("/dev/")
    return (is_disk and first.source == second.source) or host_of(first) == host_of(second) != ""


def host_of(mount: Mount) -> str:
    """The host that holds the bytes, in small letters; "" for a disk of this computer, and where the system
    does not tell.
    """
    match = _FROM_HOST.match(mount.source) if is_remote(mount) else None
    return (match[1] or match[2]).lower() if match else ""


def _mounted(mounts: Path) -> Iterator[Mount]:
    try:
        lines = mounts.read_text(errors="surrogateescape").split("\n")
    except OSError:
        return
    for line in lines:
        left, dash, right = line.partition(" - ")
        fields, more = left.split(" "), right.split(" ")
        if dash and len(fields) > 4 and len(more) > 1:
            yield Mount(_unescape(fields[4]), more[0], _unescape(more[1]), fields[2], _unescape(fields[3]))


def _unescape(field: str) -> str:
    """proc(5): space, tab, newline and backslash are written as octal."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)
