"""What is no longer there, at its last version, as nodes: the attic."""

import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING

from vaultd.browse.node import Attributes, Listed, Node, below, number
from vaultd.browse.saved import KINDS, Saved, Shared
from vaultd.format.entry import FOLDER, Entry
from vaultd.tree.missed import Name, Place, name_in, names_in
from vaultd.tree.view import View

if TYPE_CHECKING:
    from vaultd.tree.folder import Wrong

# Behind the name of a file where a folder has, or had, the same.
FILE_MARK = b"~file"


class Gone(Listed):
    """A folder in which something is missing. `entry` is what is known of the folder itself."""

    def __init__(
        self, shared: Shared, view: View, place: Place, key: bytes, entry: Entry | None = None
    ) -> None:
        super().__init__(key, view.root.mtime if entry is None else entry.mtime)
        self._shared, self._view, self._place, self._entry = shared, view, place, entry

    @property
    def ino(self) -> int:
        return number(self.key, b"gone")

    def attributes(self) -> Attributes:
        entry = self._entry
        if entry is None:
            return super().attributes()
        mode = stat.S_IFDIR | entry.mode
        return Attributes(mode, self.ino, mtime=entry.mtime, uid=entry.uid, gid=entry.gid)

    def child(self, name: bytes) -> Node | None:
        for plain in dict.fromkeys((name, name.removesuffix(FILE_MARK))):
            found = name_in(self._shared.blobs, self._place, plain) if plain else None
            if found is not None and (node := self._nodes(found).get(name)) is not None:
                return node
        return None

    def children(self) -> Iterator[tuple[bytes, Node]]:
        failed: list[Wrong] = []
        for name in names_in(self._shared.blobs, self._place, failed.append):
            yield from self._nodes(name).items()
        if failed:
            raise failed[0]

    def _nodes(self, found: Name) -> dict[bytes, Node]:
        """A folder of this name, or a file, or both."""
        nodes: dict[bytes, Node] = {}
        if found.below.anything:
            folders = [entry for entry, _ in found.missed if entry.kind == FOLDER]
            itself = found.now if found.now is not None and found.now.kind == FOLDER else None
            entry = itself or (folders[0] if folders else None)
            key = below(self.key, found.name)
            nodes[found.name] = Gone(self._shared, self._view, found.below, key, entry)
        others = [entry for entry, _ in found.missed if entry.kind != FOLDER and entry.kind in KINDS]
        if others:
            is_folder = bool(nodes) or (found.now is not None and found.now.kind == FOLDER)
            name = found.name + FILE_MARK if is_folder else found.name
            nodes[name] = Saved(self._shared, self._view, others[0], self.key)
        return nodes
