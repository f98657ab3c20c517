"""What a snapshot holds, as nodes."""

import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from vaultd.browse.chunks import Chunks
from vaultd.browse.file import OpenFile
from vaultd.browse.names import Names
from vaultd.browse.node import FOLDER_SIZE, Attributes, Node, below, blocks, number
from vaultd.browse.pages import Pages
from vaultd.errors import Damaged, Missing
from vaultd.format.entry import BLOCK, CHAR, FIFO, FILE, FOLDER, LINK, SOCKET, Entry
from vaultd.store.contract import Blobs
from vaultd.tree.folder import Wrong, entries_of, find_name
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
_encode = msgspec.msgpack.encode


@dataclass(frozen=True)
class Shared:
    """What all nodes read through."""

    blobs: Blobs
    chunks: Chunks
    pages: Pages
    names: Names


class Saved(Node):
    """One entry of a snapshot.

    `key` stands for its path. Where `state` is None a folder is the same thing as long as it holds the same;
    otherwise it is told from others of this path by that: "latest" is one folder, whatever comes into it.
    """

    __slots__ = ("_key", "_shared", "_state", "entry", "view")

    def __init__(
        self, shared: Shared, view: View, entry: Entry, key: bytes, state: bytes | None = None
    ) -> None:
        self._shared, self.view, self.entry, self._key, self._state = shared, view, entry, key, state

    @property
    def kind(self) -> int:
        return KINDS[self.entry.kind]

    @property
    def ino(self) -> int:
        entry = self.entry
        if entry.kind == FOLDER:
            return number(self._key, self._state or folder_id(entry))
        # Whoever compares two states takes files of one number for the same without reading them.
        what = _encode((entry.kind, entry.content, entry.size, entry.mtime, entry.mode, entry.uid, entry.gid))
        return number(entry.extra.get("hard") or self._key, what)

    def attributes(self) -> Attributes:
        entry = self.entry
        size = FOLDER_SIZE if entry.kind == FOLDER else entry.size
        held = sum(length for _, length in self.view.parts(entry)) if "sparse" in entry.extra else size
        return Attributes(
            self.kind | entry.mode,
            self.ino,
            size,
            blocks(held) if entry.kind in (FILE, FOLDER) else 0,
            entry.mtime,
            entry.uid,
            entry.gid,
            self._shared.names.of(self.view, entry),
            entry.extra.get("rdev", (0, 0)),
        )

    def child(self, name: bytes) -> "Saved | None":
        if self.entry.kind != FOLDER:
            return None
        entry = find_name(self._shared.pages, folder_id(self.entry), name)
        return self._node(entry) if entry is not None and entry.kind in KINDS else None

    def children(self) -> Iterator[tuple[bytes, Node]]:
        failed: list[Wrong] = []
        for item in entries_of(self._shared.blobs, folder_id(self.entry)):
            if isinstance(item, Missing | Damaged):
                failed.append(item)
            elif item.kind in KINDS:
                yield item.name, self._node(item)
        if failed:
            raise failed[0]

    def _node(self, entry: Entry) -> "Saved":
        return Saved(self._shared, self.view, entry, below(self._key, entry.name), self._state)

    def link(self) -> bytes:
        return self.view.link(self.entry)

    def xattrs(self) -> Mapping[bytes, bytes]:
        return self.view.xattrs(self.entry)

    def open(self) -> OpenFile:
        if self.entry.kind != FILE:
            raise IsADirectoryError
        return OpenFile(self.view, self.entry, self._shared.chunks)
