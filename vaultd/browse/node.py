"""What a folder of old states is made of: nodes that say what they are, and what is in them."""

import stat
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import NamedTuple, Protocol

from vaultd.browse.file import OpenFile

# A folder has no size of its own in the vault; this is what most file systems say of a small one.
FOLDER_SIZE = BLOCK = 4096
_SECTOR = 512


class Attributes(NamedTuple):
    """As stat(2) has them; `mode` with the kind of file, `mtime` in ns, `blocks` of 512 bytes."""

    mode: int
    ino: int
    size: int = FOLDER_SIZE
    blocks: int = BLOCK // _SECTOR
    mtime: int = 0
    uid: int = 0
    gid: int = 0
    names: int = 1
    rdev: tuple[int, int] = (0, 0)


class Node(Protocol):
    """Anything with a name. What is no folder has no children. Whatever reads from the vault raises Missing,
    Damaged, Unreachable.
    """

    @property
    def kind(self) -> int:
        """`stat.S_IFDIR`, `S_IFREG`, …"""
        ...

    @property
    def ino(self) -> int:
        """The same for as long as it is the same thing, after a restart too."""
        ...

    def attributes(self) -> Attributes: ...

    def child(self, name: bytes) -> "Node | None": ...

    def children(self) -> Iterator[tuple[bytes, "Node"]]:
        """In no order that is promised. Goes on behind what cannot be read, and raises at the end."""
        ...

    def link(self) -> bytes:
        """Where a symbolic link points to."""
        ...

    def xattrs(self) -> Mapping[bytes, bytes]: ...

    def open(self) -> OpenFile:
        """A file's content. Raises OSError for what has none."""
        ...

    @property
    def is_lasting(self) -> bool:
        """Whether what a listing of it says holds until it is said to be another."""
        ...


class Listed(Node):
    """A folder that no source had: it is made of what is in it."""

    is_lasting = False

    def __init__(self, key: bytes, mtime: int = 0) -> None:
        self.key, self.mtime = key, mtime

    @property
    def kind(self) -> int:
        return stat.S_IFDIR

    @property
    def ino(self) -> int:
        return number(self.key)

    def attributes(self) -> Attributes:
        return Attributes(stat.S_IFDIR | 0o755, self.ino, mtime=self.mtime)

    def link(self) -> bytes:
        raise OSError

    def xattrs(self) -> Mapping[bytes, bytes]:
        return {}

    def open(self) -> OpenFile:
        raise IsADirectoryError


class Table(Listed):
    """A folder of a few nodes, all of them at hand."""

    def __init__(self, key: bytes, nodes: Mapping[bytes, Node], mtime: int = 0) -> None:
        super().__init__(key, mtime)
        self._nodes = nodes

    def child(self, name: bytes) -> Node | None:
        return self._nodes.get(name)

    def children(self) -> Iterator[tuple[bytes, Node]]:
        yield from self._nodes.items()


def below(key: bytes, *names: bytes) -> bytes:
    """What stands for a path: made of what stands for the folder above it, so that its length costs
    nothing.
    """
    for name in names:
        key = blake2b(name, digest_size=16, key=key).digest()
    return key


def number(*parts: bytes) -> int:
    """An inode number; 0 and 1 have meanings of their own."""
    return number_of(b"\0".join(parts))


def number_of(all_of_it: bytes) -> int:
    return int.from_bytes(blake2b(all_of_it, digest_size=8).digest()) >> 1 | 2


def blocks(size: int) -> int:
    """What so many bytes take on a disk."""
    return -(-size // BLOCK) * (BLOCK // _SECTOR)
