"""What a snapshot holds, as nodes."""

import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from vaultd.browse.chunks import Chunks
from vaultd.browse.file import OpenFile
from vaultd.browse.names import Names
from vaultd.browse.node import FOLDER_SIZE, Attributes, Node, below, blocks, number, number_of
from vaultd.browse.pages import Pages
from vaultd.errors import Damaged, Missing
from vaultd.format.entry import BLOCK, CHAR, FIFO, FILE, FOLDER, LINK, SOCKET, Entry
from vaultd.store.contract import Blobs
from vaultd.tree.folder import Wrong, find_name, leaves, read_leaves
from vaultd.tree.view import View, folder_id

KINDS = {
    FILE: stat.S_IFREG,
    FOLDER: stat.S_IFDIR,
    LINK: stat.S_IFLNK,
    FIFO: stat.S_IFIFO,
    SOCKET: stat.S_IFSOCK,
    CHAR: stat.S_IFCHR,
    BLOCK: stat.S_IFBLK,
}


@dataclass(frozen=True)
class Shared:
    """What all nodes read through."""

    blobs: Blobs
    chunks: Chunks
    pages: Pages
    names: Names


# What makes a file's attributes more than what stands in its entry.
_SELDOM = frozenset(("sparse", "hard", "rdev"))


class Saved(Node):
    """One entry of a snapshot.

    `above` stands for the path of its folder. Where `state` is None a folder is the same thing as long as it
    holds the same; else it is told from others of this path by that: "latest" is one folder, whatever comes.
    """

    is_lasting = True
    __slots__ = ("_above", "_shared", "_state", "entry", "view")

    def __init__(
        self, shared: Shared, view: View, entry: Entry, above: bytes, state: bytes | None = None
    ) -> None:
        self._shared, self.view, self.entry, self._above, self._state = shared, view, entry, above, state

    @property
    def kind(self) -> int:
        return KINDS[self.entry.kind]

    @property
    def ino(self) -> int:
        entry, content = self.entry, self.entry.content
        if entry.kind == FOLDER:
            return number(self._above, entry.name, self._state or folder_id(entry))
        # Whoever compares two states takes files of one number for the same without reading them.
        if not isinstance(content, tuple):
            ids = content or b""
        else:
            ids = content[0][0] if len(content) == 1 else b"".join([pair[0] for pair in content])
        if entry.extra and "sparse" in entry.extra:
            ids += repr(entry.extra["sparse"]).encode()
        what = entry.kind, entry.size, entry.mtime, entry.mode, ids
        if entry.extra and "hard" in entry.extra:
            return number_of(b"%b\0%d %d %d %d\0%b" % (entry.extra["hard"], *what))
        return number_of(b"%b\0%b\0%d %d %d %d\0%b" % (self._above, entry.name, *what))

    def attributes(self) -> Attributes:
        entry = self.entry
        kind, mode = KINDS[entry.kind], entry.mode
        size = FOLDER_SIZE if entry.kind == FOLDER else entry.size
        if entry.kind == FILE and _SELDOM.isdisjoint(entry.extra):
            return Attributes(kind | mode, self.ino, size, blocks(size), entry.mtime, entry.uid, entry.gid)
        held = sum(length for _, length in self.view.parts(entry)) if "sparse" in entry.extra else size
        taken = blocks(held) if entry.kind in (FILE, FOLDER) else 0
        names, rdev = self._shared.names.of(self.view, entry), entry.extra.get("rdev", (0, 0))
        return Attributes(kind | mode, self.ino, size, taken, entry.mtime, entry.uid, entry.gid, names, rdev)

    def child(self, name: bytes) -> "Saved | None":
        if self.entry.kind != FOLDER:
            return None
        entry = find_name(self._shared.pages, folder_id(self.entry), name)
        if entry is None or entry.kind not in KINDS:
            return None
        return Saved(self._shared, self.view, entry, below(self._above, self.entry.name), self._state)

    def children(self) -> Iterator[tuple[bytes, Node]]:
        failed: list[Wrong] = []
        key = below(self._above, self.entry.name)
        shared, view, state = self._shared, self.view, self._state
        for page in read_leaves(shared.blobs, leaves(shared.blobs, folder_id(self.entry))):
            if isinstance(page, Missing | Damaged):
                failed.append(page)
                continue
            for item in page:
                if item.kind in KINDS:
                    yield item.name, Saved(shared, view, item, key, state)
        if failed:
            raise failed[0]

    def link(self) -> bytes:
        return self.view.link(self.entry)

    def xattrs(self) -> Mapping[bytes, bytes]:
        return self.view.xattrs(self.entry)

    def open(self) -> OpenFile:
        if self.entry.kind != FILE:
            raise IsADirectoryError
        return OpenFile(self.view, self.entry, self._shared.chunks)
