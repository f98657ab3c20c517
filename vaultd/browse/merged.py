"""A folder made of all that stands, or stood, in it: one name may be both a folder and a file there."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from vaultd.browse.node import Listed, Node
from vaultd.format.entry import FOLDER, Entry
from vaultd.store.contract import Blobs
from vaultd.tree.missed import Name, Place, name_in, names_in

if TYPE_CHECKING:
    from vaultd.tree.folder import Wrong

# Behind the name of a file where a folder has, or had, the same.
FILE_MARK = b"~file"


class Merged(Listed):
    """`nodes_of` says what becomes of a name."""

    def __init__(self, blobs: Blobs, place: Place, key: bytes, mtime: int) -> None:
        super().__init__(key, mtime)
        self._blobs, self._place = blobs, place

    def nodes_of(self, found: Name) -> Mapping[bytes, Node]:
        """Nodes by their names: that of `found`, and that of a file where it had to be marked."""
        raise NotImplementedError

    def marked(self, name: bytes) -> bytes:
        """What a file is called beside a folder of its name: never what something is really called."""
        name += FILE_MARK
        while name_in(self._blobs, self._place, name) is not None:
            name += FILE_MARK
        return name

    def child(self, name: bytes) -> Node | None:
        plain = name
        while plain:
            found = name_in(self._blobs, self._place, plain)
            if found is not None and (node := self.nodes_of(found).get(name)) is not None:
                return node
            if not plain.endswith(FILE_MARK):
                return None
            plain = plain.removesuffix(FILE_MARK)
        return None

    def children(self) -> Iterator[tuple[bytes, Node]]:
        failed: list[Wrong] = []
        for name in names_in(self._blobs, self._place, failed.append):
            yield from self.nodes_of(name).items()
        if failed:
            raise failed[0]


def is_folder(entry: Entry | None) -> bool:
    return entry is not None and entry.kind == FOLDER
