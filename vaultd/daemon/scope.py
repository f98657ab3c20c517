"""Which folders belong to a source, by the rules that a snapshot goes by, and where its root stands."""

import errno
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vaultd.copies.identity import MOUNTS, Mount, mount_of, mounts_inside
from vaultd.tree.patterns import Selection

Inode = tuple[int, int]  # device and number


@dataclass(frozen=True, slots=True)
class Scope:
    """`exclude` are lines as in .gitignore, `cross` enters other file systems, and `own` are the folders of
    vaultd itself: all as in a scan. Raises BadPattern.
    """

    root: bytes
    exclude: Sequence[str] = ()
    cross: bool = False
    own: Collection[Inode] = ()
    selection: Selection = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "selection", Selection(exclude=self.exclude))

    def has(self, path: bytes, st: os.stat_result, device: int) -> bool:
        """Whether a subfolder is part of the source; `device` is the root's."""
        if (st.st_dev, st.st_ino) in self.own or (st.st_dev != device and not self.cross):
            return False
        return not self.selection.excludes(path, folder=True)

    def full(self, path: bytes) -> bytes:
        """Where a path from the root is on this computer."""
        return self.root + b"/" + path if path else self.root


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a root stands: equal while it is the same folder, with the same file systems at it and inside.

    `mount` is the one that it is on, None where the system does not tell. `inside` are those that are
    mounted below, by their path from the root.
    """

    inode: Inode
    mount: Mount | None
    inside: tuple[tuple[bytes, Mount], ...]


@dataclass(frozen=True, slots=True)
class NotThere:
    """There is no such folder; `code` is the name of the error."""

    code: str


def inode_of(root: bytes) -> Inode | NotThere:
    """Which folder this is now. A link is followed."""
    try:
        st = os.stat(root + b"/.")
    except OSError as error:
        return NotThere(errno.errorcode.get(error.errno or 0, "EIO"))
    return st.st_dev, st.st_ino


def standing(root: bytes, mounts: Path = MOUNTS) -> Standing | NotThere:
    """Where a root stands now. May wait for as long as a file system does not answer."""
    inode = inode_of(root)
    if isinstance(inode, NotThere):
        return inode
    path = Path(os.fsdecode(root))
    above = len(os.path.realpath(path).rstrip("/")) + 1
    inside = ((os.fsencode(one.point[above:]), one) for one in mounts_inside(path, mounts))
    return Standing(inode, mount_of(path, mounts), tuple(inside))


def was_unmounted(before: Standing, now: Standing) -> bool:
    """Whether what is there is only the folder that the root, or a folder above it, was mounted on."""
    if before.mount is None or now.mount is None:
        return False
    return len(now.mount.point) < len(before.mount.point)
