"""The versions of what fits a pattern, and the snapshots that they stand in."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from vaultd.tree.compare import Change, Kind, compare
from vaultd.tree.view import Broken, Found, View

if TYPE_CHECKING:
    from vaultd.format.entry import Entry
    from vaultd.tree.snapshots import Snapshot
    from vaultd_cli.chosen import Damages

Matches = Callable[[bytes], bool]


@dataclass(frozen=True, slots=True)
class Version:
    """One path with the same content in the snapshots from `first` to `last`; `view` is of the last.

    `missed` (ns) is set where it had disappeared by then.
    """

    path: bytes
    entry: "Entry"
    first: "Snapshot"
    last: "Snapshot"
    view: View
    missed: int | None = None


def standing(
    snapshot: "Snapshot", view: View, path: bytes, matches: Matches, damages: "Damages"
) -> Iterator[Version]:
    """What fits at and below a path of one snapshot. Raises NoSuchPath."""
    if path and matches(path):
        yield Version(path, view.lookup(path), snapshot, snapshot, view)
    for found in _fitting(view.walk(path), matches, damages):
        yield Version(found.path, found.entry, snapshot, snapshot, view)


def disappeared(
    snapshot: "Snapshot", view: View, path: bytes, matches: Matches, damages: "Damages"
) -> Iterator[Version]:
    """What fits at and below a path, and had disappeared by this snapshot."""
    for found in _fitting(view.deleted(path), matches, damages):
        yield Version(found.path, found.entry, snapshot, snapshot, view, found.missed)


def in_all(
    line: "Sequence[Snapshot]", views: Sequence[View], matches: Matches, damages: "Damages"
) -> Iterator[Version]:
    """Every version that fits in a row of snapshots, oldest first: once for each unbroken run of snapshots.

    The last snapshot is walked, and each of the others compared with the one after it, so that the cost of a
    snapshot is that of its changes. Memory follows the paths that changed and fit.
    """
    begun: dict[bytes, int] = {}
    for number, (before, after) in enumerate(pairwise(views)):
        for change in _changes(before, after, matches, damages):
            if change.a is not None:
                first = line[begun.pop(change.path, 0)]
                yield Version(change.path, change.a, first, line[number], before)
            if change.b is not None:
                begun[change.path] = number + 1
    for found in _fitting(views[-1].walk(), matches, damages):
        yield Version(found.path, found.entry, line[begun.get(found.path, 0)], line[-1], views[-1])


def _changes(before: View, after: View, matches: Matches, damages: "Damages") -> Iterator[Change]:
    for change in compare(before, after):
        if isinstance(change, Broken):
            damages.warn(change)
        elif change.kind is not Kind.METADATA and change.path and matches(change.path):
            yield change


def _fitting(items: Iterator[Found | Broken], matches: Matches, damages: "Damages") -> Iterator[Found]:
    for item in items:
        if isinstance(item, Broken):
            damages.warn(item)
        elif matches(item.path):
            yield item
