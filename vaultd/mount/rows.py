"""Names of a folder as the kernel takes them, as many as it has room for."""

import stat
from collections.abc import Iterable, Iterator
from struct import Struct

from vaultd.browse.node import Node
from vaultd.errors import VaultdError
from vaultd.mount.kernel import ENTRY_NAME, NAME, PADDING, status
from vaultd.mount.listing import Row
from vaultd.mount.places import number_of
from vaultd.mount.wishes import Wish

_ITSELF = (b".", b"..")
# A name without its attributes, where there is room for them.
_BARE = Struct(f"={ENTRY_NAME.size - NAME.size}xQQII")


def names_alone(rows: Iterable[Row], room: int) -> Iterator[bytes]:
    for name, node, at in rows:
        padding = PADDING[len(name) % 8]
        room -= NAME.size + len(name) + len(padding)
        if room < 0:
            return
        yield NAME.pack(node.ino, at, len(name), node.kind >> 12)
        yield name
        yield padding


class Batch:
    """What is answered in `out`; the numbers that are told with it, and their names, in `given`. It holds for
    `kept` seconds.
    """

    def __init__(self, above: int, kept: int, room: int, *, is_lasting: bool) -> None:
        self._above, self._kept, self._room, self._is_lasting = above, kept, room, is_lasting
        self.out: list[bytes] = []
        self.given: list[tuple[int, bytes]] = []
        self.has_files = False

    def fill(self, rows: Iterable[Row], wish: Wish) -> None:
        """With attributes what is wished for; folders always, since who lists them mostly goes into them."""
        room, left = self._room, wish != Wish.ALL
        for name, node, at in rows:
            length = len(name)
            padding = PADDING[length % 8]
            room -= ENTRY_NAME.size + length + len(padding)
            if room < 0:
                return
            kind = node.kind
            if kind == stat.S_IFDIR:
                packed = _bare(length, node, kind, at) if name in _ITSELF else self._entry(name, node, at)
            else:
                self.has_files = True
                packed = _bare(length, node, kind, at) if left else self._entry(name, node, at)
                left = wish == Wish.NAMES
            self.out += packed, name, padding

    def _entry(self, name: bytes, node: Node, at: int) -> bytes:
        """Without attributes where they cannot be had: whoever asks for just this one is told."""
        try:
            found = node.attributes()
        except VaultdError:
            return _bare(len(name), node, node.kind, at)
        given = number_of(self._above, name, node.kind, found.ino, is_lasting=self._is_lasting)
        kept = self._kept
        self.given.append((given, name))
        # How many names a file has is not told when it changes.
        known = kept if found.names == 1 else 0
        rest = (found.ino, at, len(name), found.mode >> 12)
        return ENTRY_NAME.pack(given, 0, kept, known, 0, 0, *status(found), *rest)


def _bare(length: int, node: Node, kind: int, at: int) -> bytes:
    return _BARE.pack(node.ino, at, length, kind >> 12)
