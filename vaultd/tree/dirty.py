"""Which folders of a source may have changed: what a scan visits, and what it takes over unread."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final


@dataclass(slots=True, eq=False)
class Dirty:
    """One folder on the way to those that may have changed. `listed`: its own names may have; `deep`: so may
    everything below it.
    """

    listed: bool = False
    deep: bool = False
    _below: "dict[bytes, Dirty]" = field(default_factory=dict)

    def mark(self, path: bytes, *, deep: bool = False) -> None:
        """The folder at this path (relative to this one, b"" for itself) may have changed."""
        node = self
        for name in path.split(b"/") if path else ():
            node = node._below.setdefault(name, Dirty())
        node.listed = True
        node.deep = node.deep or deep

    def child(self, name: bytes) -> "Dirty | None":
        """What is known of a folder in this one; None where nothing in it can have changed."""
        return EVERYTHING if self.deep else self._below.get(name)

    def is_deep(self, path: bytes) -> bool:
        """Whether everything below this folder may have changed."""
        node = self._at(path)
        return node is not None and node.deep

    def is_marked(self, path: bytes) -> bool:
        """Whether this folder may have changed, by itself or below one that is deep."""
        node = self._at(path)
        return node is not None and node.listed

    def _at(self, path: bytes) -> "Dirty | None":
        node: Dirty | None = self
        for name in path.split(b"/") if path else ():
            node = node.child(name) if node is not None else None
        return node

    def names(self) -> Iterable[bytes]:
        """The folders in this one that have changed, or have one that did, in order."""
        return sorted(self._below)

    def folders(self, above: bytes = b"") -> Iterator[bytes]:
        """The paths that were marked; what lies below a deep one comes only where it was marked too."""
        if self.listed:
            yield above
        for name in self.names():
            yield from self._below[name].folders(above + b"/" + name if above else name)


EVERYTHING: Final = Dirty(listed=True, deep=True)
"""Of which nothing is known: all is looked at. Not to be marked."""
