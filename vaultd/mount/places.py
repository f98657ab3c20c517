"""Which number the kernel knows a thing by, and where that is found again.

A file's number is made of what it holds: another content is another number, so that what the kernel keeps of
it is never wrong, and who has it open goes on reading what he opened. A folder's number is made of its path
alone: who stands in "latest" sees what comes.
"""

import errno
import os
import stat
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice

from vaultd.browse.node import Node, number

TOP = 1
# Nodes that were found last: 1 KB each, so 16 MB.
_KEPT = 16_384


@dataclass(slots=True)
class _Place:
    """`above` is the number of its folder; `count` how often the kernel was told of it and has not forgotten;
    `below` how many of the others are in it; `bare` whether the kernel has names of it without attributes.
    """

    above: int
    name: bytes
    count: int = 0
    below: int = 0
    bare: bool = False


class Places:
    """Safe to use from several threads. 250 bytes for each thing that the kernel knows."""

    def __init__(self, top: Callable[[], Node]) -> None:
        self._top = top
        self._places: dict[int, _Place] = {}
        self._nodes: OrderedDict[int, Node] = OrderedDict()
        self._opened: dict[int, tuple[Node, int]] = {}
        self._lock = threading.Lock()
        self.state = 0

    def __len__(self) -> int:
        return len(self._places)

    def changed(self) -> None:
        """Another state is the latest: what was found is looked up again."""
        with self._lock:
            self.state += 1
            self._nodes.clear()

    def give(self, above: int, given: Iterable[tuple[int, bytes]]) -> None:
        """The kernel is told these numbers of what is in a folder, and will forget each of them once more."""
        with self._lock:
            upper = self._places.get(above)
            for made, name in given:
                place = self._places.get(made)
                if place is None:
                    place = self._places[made] = _Place(above, name)
                    if upper is not None:
                        upper.below += 1
                place.count += 1

    def forget(self, made: int, times: int | None = None) -> None:
        """So many times; None: the kernel knows nothing of it, whatever it was told."""
        with self._lock:
            place = self._places.get(made)
            if place is None:
                return
            place.count = 0 if times is None else place.count - times
            while place is not None and place.count <= 0 and place.below <= 0:
                del self._places[made]
                self._nodes.pop(made, None)
                made = place.above
                if (place := self._places.get(made)) is not None:
                    place.below -= 1

    def open(self, made: int, node: Node) -> None:
        """It stays what it is until it is closed."""
        with self._lock:
            _, times = self._opened.get(made, (node, 0))
            self._opened[made] = node, times + 1

    def close(self, made: int) -> None:
        with self._lock:
            node, times = self._opened.pop(made)
            if times > 1:
                self._opened[made] = node, times - 1

    def node(self, made: int) -> Node:
        """What has this number. OSError (ESTALE): it is no longer there. Raises what reading raises."""
        way: list[tuple[int, _Place]] = []
        at, state = made, self.state
        while (found := self._known(at)) is None:
            place = self._places.get(at)
            if place is None:
                raise _stale()
            way.append((at, place))
            at = place.above
        for at, place in reversed(way):
            child = found.child(place.name)
            if child is None or at != number_of(
                place.above, place.name, child.kind, child.ino, is_lasting=found.is_lasting
            ):
                raise _stale()
            self.found(at, child, state)
            found = child
        return found

    def found(self, made: int, node: Node, state: int) -> None:
        """Remember it, unless the latest state has become another since."""
        with self._lock:
            if state == self.state:
                self._nodes[made] = node
                while len(self._nodes) > _KEPT:
                    self._nodes.popitem(last=False)

    def path(self, made: int) -> bytes:
        """For people to read."""
        names: list[bytes] = []
        while (place := self._places.get(made)) is not None:
            names.append(place.name)
            made = place.above
        return b"/" + b"/".join(reversed(names))

    def oldest(self, most: int) -> list[tuple[int, int, bytes]]:
        """Files that the kernel knows and nobody has open, the first that it learned: number, that of the
        folder, and name.
        """
        with self._lock:
            found = ((made, place) for made, place in self._places.items() if made not in self._opened)
            files = ((made, place.above, place.name) for made, place in found if not made & 1)
            return list(islice(files, most))

    def is_bare(self, made: int) -> bool:
        """Whether the kernel knows names of this folder, and not their attributes."""
        return (place := self._places.get(made)) is not None and place.bare

    def set_bare(self, made: int, bare: bool) -> None:
        if (place := self._places.get(made)) is not None:
            place.bare = bare

    def has(self, made: int) -> bool:
        return made in self._places

    def _known(self, made: int) -> Node | None:
        if made == TOP:
            return self._top()
        with self._lock:
            if (opened := self._opened.get(made)) is not None:
                return opened[0]
            if (node := self._nodes.get(made)) is not None:
                self._nodes.move_to_end(made)
            return node


def number_of(above: int, name: bytes, kind: int, ino: int, *, is_lasting: bool) -> int:
    """`above` is the number of the folder, `kind` and `ino` those of what is in it. Where names come and go
    by themselves, as those of snapshots and sources, one may stand for something else tomorrow.
    """
    if kind != stat.S_IFDIR:
        # Both are digests. Two names of one file in one folder are one thing.
        return max(TOP + 1, (ino ^ above) >> 1 << 1)
    return number_of_folder(above, name) if is_lasting else max(TOP + 2, (ino ^ above) | 1)


def number_of_folder(above: int, name: bytes) -> int:
    """Of one in a folder whose names are lasting. Odd, as that of no file."""
    return number(above.to_bytes(8), name) | 1


def _stale() -> OSError:
    return OSError(errno.ESTALE, os.strerror(errno.ESTALE))
