"""What was there once and is not now: the attic, read beside the root (docs/format.md, section 8).

A path may stand in several folders of the attic at once: among what was missed one by one, and inside whole
folders that were missed at different times. All of them are read side by side with the folder that is there
now.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from vaultd.format.entry import FOLDER, Entry
from vaultd.format.limits import MAX_FOLDER_DEPTH
from vaultd.tree.content import identity
from vaultd.tree.folder import Names, Wrong, damaged, entries_of, only_good, side_by_side
from vaultd.tree.view import Broken, Found, View, folder_id, split


@dataclass(frozen=True, slots=True)
class _Place:
    """One path: the folder that is there now, the leads of the attic, and whole folders that were missed
    (when).
    """

    now: bytes | None
    leads: tuple[bytes, ...]
    gone: tuple[tuple[bytes, int], ...]

    @property
    def anything(self) -> bool:
        return bool(self.leads or self.gone)


@dataclass(slots=True)
class _Frame:
    place: _Place
    names: Names
    prefix: int
    failures: list[Wrong] = field(default_factory=list)


def deleted(view: View, path: bytes = b"") -> Iterator[Found | Broken]:
    """What stood at `path` or below it, and does not now: each path before what is below it, newest version
    first.

    An entry is left out where its path holds the same kind, content and link target again, and so is a folder
    where there is a folder again; what is below it is compared one by one.
    """
    names = split(path)
    if view.attic is None:
        return
    now = folder_id(view.root)
    place = _Place(now, (view.attic,), ())
    prefix = b""
    for depth, name in enumerate(names):
        frame = _open(view, place, len(prefix))
        found = next((each for each in frame.names if each[0] == name), None)
        yield from (Broken(prefix[:-1], error) for error in frame.failures)
        if found is None:
            return
        prefix += name
        if depth == len(names) - 1:
            yield from _missed_here(place, found[1], prefix)
        place = _below(place, found[1])
        prefix += b"/"
    yield from _deleted_below(view, place, prefix, len(names))


def _deleted_below(view: View, top: _Place, prefix: bytes, depth: int) -> Iterator[Found | Broken]:
    if not top.anything:
        return
    stack = [_open(view, top, len(prefix))]
    while stack:
        frame = stack[-1]
        step = next(frame.names, None)
        prefix = prefix[: frame.prefix]
        while frame.failures:
            yield Broken(prefix[:-1], frame.failures.pop())
        if step is None:
            stack.pop()
            continue
        name, columns = step
        yield from _missed_here(frame.place, columns, prefix + name)
        below = _below(frame.place, columns)
        if not below.anything:
            continue
        if depth + len(stack) >= MAX_FOLDER_DEPTH:
            yield Broken(prefix + name, damaged(b"", "depth"))
            continue
        prefix += name + b"/"
        stack.append(_open(view, below, len(prefix)))


def _open(view: View, place: _Place, prefix: int) -> _Frame:
    """Columns: what is there now, each folder of leads, each missed folder."""
    failures: list[Wrong] = []
    now = [entries_of(view.blobs, place.now)] if place.now else [iter(())]
    leads = [entries_of(view.blobs, content, attic=True) for content in place.leads]
    gone = [entries_of(view.blobs, content) for content, _ in place.gone]
    streams = [only_good(stream, failures.append) for stream in (*now, *leads, *gone)]
    return _Frame(place, side_by_side(streams), prefix, failures)


def _versions(place: _Place, columns: list[list[Entry]]) -> Iterator[tuple[Entry, int]]:
    """Everything at this name that was missed, with the time."""
    split_at = 1 + len(place.leads)
    for column in columns[1:split_at]:
        yield from ((entry, entry.extra["missed"]) for entry in column if "missed" in entry.extra)
    for column, (_, missed) in zip(columns[split_at:], place.gone, strict=True):
        yield from ((entry, missed) for entry in column)


def _missed_here(place: _Place, columns: list[list[Entry]], path: bytes) -> Iterator[Found]:
    present = columns[0][0] if columns[0] else None
    hidden = identity(present) if present else None
    seen: set[object] = set()
    versions = sorted(
        _versions(place, columns), key=lambda version: (version[1], version[0].mtime), reverse=True
    )
    for entry, missed in versions:
        same = identity(entry)
        if same == hidden or same in seen or (present and present.kind == entry.kind == FOLDER):
            continue
        seen.add(same)
        yield Found(path, entry, missed)


def _below(place: _Place, columns: list[list[Entry]]) -> _Place:
    """The folders of this name: a missed one that is there again with the same content has nothing to
    show.
    """
    present = columns[0][0] if columns[0] else None
    now = folder_id(present) if present and present.kind == FOLDER else None
    gone = {
        folder_id(entry): missed
        for entry, missed in sorted(_versions(place, columns), key=lambda version: version[1])
        if entry.kind == FOLDER and entry.content != now
    }
    leads = {
        folder_id(entry)
        for column in columns[1 : 1 + len(place.leads)]
        for entry in column
        if "missed" not in entry.extra
    }
    return _Place(now, tuple(sorted(leads)), tuple(gone.items()))
