"""What was there once and is not now: the attic, read beside the root (docs/format.md, section 8).

A path may stand in several folders of the attic at once: among what was missed one by one, and inside whole
folders that were missed at different times. All of them are read side by side with the folder that is there
now.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from vaultd.errors import Damaged, Missing
from vaultd.format.entry import FOLDER, Entry
from vaultd.format.limits import MAX_FOLDER_DEPTH
from vaultd.store.contract import Blobs
from vaultd.tree.content import identity
from vaultd.tree.folder import Wrong, damaged, entries_named, entries_of, only_good, side_by_side
from vaultd.tree.view import Broken, Found, View, folder_id, split

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Place:
    """One path: the folder that is there now, the leads of the attic, and whole folders that were missed
    (when).
    """

    now: bytes | None
    leads: tuple[bytes, ...]
    gone: tuple[tuple[bytes, int], ...]

    @property
    def anything(self) -> bool:
        return bool(self.leads or self.gone)


@dataclass(frozen=True, slots=True)
class Name:
    """One name of a folder: what stands there `now`, its versions that were `missed` (ns) and are not there
    again, newest first, and where to look for what is `below`.
    """

    name: bytes
    now: Entry | None
    missed: tuple[tuple[Entry, int], ...]
    below: Place


@dataclass(slots=True)
class _Frame:
    names: Iterator[Name]
    prefix: int
    failures: list[Wrong] = field(default_factory=list)


def top_of(view: View) -> Place:
    """The source's folder itself."""
    return Place(folder_id(view.root), (view.attic,) if view.attic is not None else (), ())


def names_in(blobs: Blobs, place: Place, failed: Callable[[Wrong], None]) -> Iterator[Name]:
    """Every name that stands there, or did, ascending; what cannot be read goes to `failed`."""
    streams = [only_good(stream, failed) for stream in _columns(place, partial(entries_of, blobs))]
    return (_name(place, name, columns) for name, columns in side_by_side(streams))


def name_in(blobs: Blobs, place: Place, name: bytes) -> Name | None:
    """One of these names, reading only what lies on the way to it. Raises Missing, Damaged."""
    columns = [list(found) for found in _columns(place, partial(entries_named, blobs, name))]
    return _name(place, name, columns) if any(columns) else None


def deleted(view: View, path: bytes = b"") -> Iterator[Found | Broken]:
    """What stood at `path` or below it, and does not now: each path before what is below it, newest version
    first.

    An entry is left out where its path holds the same kind, content and link target again, and so is a folder
    where there is a folder again; what is below it is compared one by one.
    """
    names = split(path)
    if view.attic is None:
        return
    place, prefix = top_of(view), b""
    for depth, name in enumerate(names):
        try:
            found = name_in(view.blobs, place, name)
        except (Missing, Damaged) as error:
            yield Broken(prefix[:-1], error)
            return
        if found is None:
            return
        prefix += name
        if depth == len(names) - 1:
            yield from _versions_of(found, prefix)
        place = found.below
        prefix += b"/"
    yield from _deleted_below(view, place, prefix, len(names))


def _deleted_below(view: View, top: Place, prefix: bytes, depth: int) -> Iterator[Found | Broken]:
    if not top.anything:
        return
    stack = [_open(view, top, len(prefix))]
    while stack:
        frame = stack[-1]
        found = next(frame.names, None)
        prefix = prefix[: frame.prefix]
        while frame.failures:
            yield Broken(prefix[:-1], frame.failures.pop())
        if found is None:
            stack.pop()
            continue
        yield from _versions_of(found, prefix + found.name)
        if not found.below.anything:
            continue
        if depth + len(stack) >= MAX_FOLDER_DEPTH:
            yield Broken(prefix + found.name, damaged(b"", "depth"))
            continue
        prefix += found.name + b"/"
        stack.append(_open(view, found.below, len(prefix)))


def _open(view: View, place: Place, prefix: int) -> _Frame:
    failures: list[Wrong] = []
    return _Frame(names_in(view.blobs, place, failures.append), prefix, failures)


def _columns(place: Place, read: Callable[..., Iterator[Item]]) -> list[Iterator[Item]]:
    """What is there now, each folder of leads, each missed folder."""
    now = [read(place.now)] if place.now else [iter(())]
    leads = [read(content, attic=True) for content in place.leads]
    return [*now, *leads, *(read(content) for content, _ in place.gone)]


def _versions_of(found: Name, path: bytes) -> Iterator[Found]:
    return (Found(path, entry, missed) for entry, missed in found.missed)


def _versions(place: Place, columns: list[list[Entry]]) -> Iterator[tuple[Entry, int]]:
    """Everything at this name that was missed, with the time."""
    split_at = 1 + len(place.leads)
    for column in columns[1:split_at]:
        yield from ((entry, entry.extra["missed"]) for entry in column if "missed" in entry.extra)
    for column, (_, missed) in zip(columns[split_at:], place.gone, strict=True):
        yield from ((entry, missed) for entry in column)


def _name(place: Place, name: bytes, columns: list[list[Entry]]) -> Name:
    present = columns[0][0] if columns[0] else None
    return Name(name, present, tuple(_missed(place, columns, present)), _below(place, columns, present))


def _missed(place: Place, columns: list[list[Entry]], present: Entry | None) -> Iterator[tuple[Entry, int]]:
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
        yield entry, missed


def _below(place: Place, columns: list[list[Entry]], present: Entry | None) -> Place:
    """The folders of this name: a missed one that is there again with the same content has nothing to
    show.
    """
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
    return Place(now, tuple(sorted(leads)), tuple(gone.items()))
