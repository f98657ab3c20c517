"""What is no longer there, at its last version, as nodes: the attic."""

import stat

from vaultd.browse.merged import Merged, is_folder
from vaultd.browse.node import Attributes, Node, below, number
from vaultd.browse.saved import KINDS, Saved, Shared
from vaultd.format.entry import Entry
from vaultd.tree.missed import Name, Place
from vaultd.tree.view import View


class Gone(Merged):
    """A folder in which something is missing. `entry` is what is known of the folder itself."""

    def __init__(
        self, shared: Shared, view: View, place: Place, key: bytes, entry: Entry | None = None
    ) -> None:
        super().__init__(shared.blobs, place, key, view.root.mtime if entry is None else entry.mtime)
        self._shared, self._view, self._entry = shared, view, entry

    @property
    def ino(self) -> int:
        return number(self.key, b"gone")

    def attributes(self) -> Attributes:
        entry = self._entry
        if entry is None:
            return super().attributes()
        mode = stat.S_IFDIR | entry.mode
        return Attributes(mode, self.ino, mtime=entry.mtime, uid=entry.uid, gid=entry.gid)

    def nodes_of(self, found: Name) -> dict[bytes, Node]:
        """A folder of this name, or a file, or both."""
        nodes: dict[bytes, Node] = {}
        if found.below.anything:
            folders = [entry for entry, _ in found.missed if is_folder(entry)]
            itself = found.now if is_folder(found.now) else None
            entry = itself or (folders[0] if folders else None)
            key = below(self.key, found.name)
            nodes[found.name] = Gone(self._shared, self._view, found.below, key, entry)
        others = [entry for entry, _ in found.missed if not is_folder(entry) and entry.kind in KINDS]
        if others:
            beside = bool(nodes) or is_folder(found.now)
            name = self.marked(found.name) if beside else found.name
            nodes[name] = Saved(self._shared, self._view, others[0], self.key)
        return nodes
