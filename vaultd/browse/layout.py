"""What stands at the top: a folder for each source, and in it every way to look at its past."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from vaultd.browse.ever import Ever, Line
from vaultd.browse.gone import Gone
from vaultd.browse.node import Listed, Node, Table, below
from vaultd.browse.saved import Saved, Shared
from vaultd.browse.times import moment, unique
from vaultd.tree.missed import top_of
from vaultd.tree.snapshots import SHORT, Snapshot, in_order

LATEST, AT, BY_ID, VERSIONS, DELETED = b"latest", b"at", b"by-id", b"versions", b"deleted"
FILES = b"files"  # in keys: what stands in the source itself


class SourceFolder(Table):
    """One source. `line` are its snapshots."""

    def __init__(self, line: Line) -> None:
        newest, key = line.newest, line.newest.body.source
        view = line.view(newest)
        self.line = line
        nodes: dict[bytes, Node] = {
            LATEST: Saved(line.shared, view, newest.body.root, below(key, FILES), LATEST),
            AT: _Snapshots(line, below(key, AT), by_time=True),
            BY_ID: _Snapshots(line, below(key, BY_ID), by_time=False),
            VERSIONS: Ever(line, top_of(view), below(key, FILES, b"")),
            DELETED: Gone(line.shared, view, top_of(view), below(key, FILES, b"")),
        }
        super().__init__(below(key), nodes, newest.body.ended)


class _Snapshots(Listed):
    """Each snapshot as a folder, named after its time or its id."""

    def __init__(self, line: Line, key: bytes, *, by_time: bool) -> None:
        super().__init__(key, line.newest.body.ended)
        self._line, self._by_time = line, by_time

    @cached_property
    def _named(self) -> dict[bytes, Snapshot]:
        snapshots = self._line.snapshots
        if self._by_time:
            return unique((moment(s.body.started, s.body.offset), b"", s) for s in snapshots)
        return unique((s.id.hex()[:SHORT].encode(), b"", s) for s in snapshots)

    def child(self, name: bytes) -> Node | None:
        found = self._named.get(name)
        return None if found is None else self._node(found)

    def children(self) -> Iterator[tuple[bytes, Node]]:
        return ((name, self._node(snapshot)) for name, snapshot in self._named.items())

    def _node(self, snapshot: Snapshot) -> Node:
        key = below(snapshot.body.source, FILES)
        return Saved(self._line.shared, self._line.view(snapshot), snapshot.body.root, key)


def layout(shared: Shared, snapshots: Iterable[Snapshot]) -> dict[bytes, SourceFolder]:
    """A folder for every source that was ever saved, by its name at last; where two had one name, the later
    is NAME~2.
    """
    lines: dict[bytes, list[Snapshot]] = {}
    for snapshot in in_order(snapshots):
        lines.setdefault(snapshot.body.source, []).append(snapshot)
    named: dict[bytes, SourceFolder] = {}
    for line in sorted(lines.values(), key=_begin):
        plain = name = _name(line)
        number = 1
        while name in named:
            number += 1
            name = plain + b"~%d" % number
        named[name] = SourceFolder(Line(shared, line))
    return named


def _begin(line: Sequence[Snapshot]) -> tuple[int, bytes]:
    return line[0].body.started, line[0].body.source


def _name(line: Sequence[Snapshot]) -> bytes:
    """As a folder can be called: another version of vaultd may have had other rules for names."""
    name = line[-1].body.name.encode("utf-8", "replace").replace(b"/", b"-").replace(b"\0", b"-")[:255]
    return b"source" if name in (b"", b".", b"..") else name
