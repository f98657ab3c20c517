"""Every path that ever was in a source, and every version of each file, as nodes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from os.path import splitext

from vaultd.browse.merged import Merged, is_folder
from vaultd.browse.node import Listed, Node, below, number
from vaultd.browse.saved import KINDS, Saved, Shared
from vaultd.browse.times import moment, unique
from vaultd.format.entry import Entry
from vaultd.tree.content import identity
from vaultd.tree.folder import Wrong
from vaultd.tree.history import history
from vaultd.tree.missed import Name, Place
from vaultd.tree.snapshots import Snapshot
from vaultd.tree.view import View


@dataclass(frozen=True)
class Line:
    """The snapshots of one source, each after those it goes on from. There is at least one."""

    shared: Shared
    snapshots: Sequence[Snapshot]

    @property
    def newest(self) -> Snapshot:
        return self.snapshots[-1]

    def view(self, snapshot: Snapshot) -> View:
        return View(self.shared.blobs, snapshot.body.root, snapshot.body.attic)


class Ever(Merged):
    """A folder: a folder for each folder that it ever had, and one of versions for each file."""

    def __init__(self, line: Line, place: Place, key: bytes, path: bytes = b"") -> None:
        super().__init__(line.shared.blobs, place, key, line.newest.body.root.mtime)
        self._line, self._path = line, path

    @property
    def ino(self) -> int:
        return number(self.key, b"ever")

    def nodes_of(self, found: Name) -> dict[bytes, Node]:
        stood = [*([found.now] if found.now else []), *(entry for entry, _ in found.missed)]
        key = below(self.key, found.name)
        path = self._path + b"/" + found.name if self._path else found.name
        nodes: dict[bytes, Node] = {}
        if found.below.anything or any(map(is_folder, stood)):
            nodes[found.name] = Ever(self._line, found.below, key, path)
        files = [(entry, when) for entry, when in found.missed if _is_file(entry)]
        if files or (found.now is not None and _is_file(found.now)):
            name = self.marked(found.name) if nodes else found.name
            nodes[name] = Versions(self._line, path, files, self.key)
        return nodes


def _is_file(entry: Entry) -> bool:
    return not is_folder(entry) and entry.kind in KINDS


class Versions(Listed):
    """A folder of the versions of one file, named after when each was first saved."""

    def __init__(self, line: Line, path: bytes, missed: Sequence[tuple[Entry, int]], above: bytes) -> None:
        super().__init__(below(above, path.rsplit(b"/", 1)[-1]), line.newest.body.started)
        self._above = above
        self._line, self._path, self._missed = line, path, missed
        self._made: Mapping[bytes, Node] | None = None

    @property
    def ino(self) -> int:
        return number(self.key, b"versions")

    def child(self, name: bytes) -> Node | None:
        return self._nodes().get(name)

    def children(self) -> Iterator[tuple[bytes, Node]]:
        yield from self._nodes().items()

    def _nodes(self) -> Mapping[bytes, Node]:
        if self._made is None:
            self._made = unique(self._named())
        return self._made

    def _named(self) -> Iterator[tuple[bytes, bytes, Node]]:
        end = splitext(self._path.rsplit(b"/", 1)[-1])[1]
        for entry, when, view in self._versions():
            yield when, end, Saved(self._line.shared, view, entry, self._above)

    def _versions(self) -> Iterator[tuple[Entry, bytes, View]]:
        """Each content once. What no snapshot has any more the attic may have still."""
        line, seen, failed = self._line, set(), list[Wrong]()
        stretches = history(
            line.shared.pages, line.snapshots, self._path, lambda _, error: failed.append(error)
        )
        for stretch in stretches:
            entry = stretch.entry
            if entry is not None and _is_file(entry) and identity(entry) not in seen:
                seen.add(identity(entry))
                body = stretch.first.body
                yield entry, moment(body.started, body.offset), line.view(stretch.first)
        for entry, when in reversed(self._missed):
            if identity(entry) not in seen:
                yield entry, moment(when, line.newest.body.offset), line.view(line.newest)
