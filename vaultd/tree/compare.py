"""What is different between two trees; folders and pages that are equal are not read."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from vaultd.errors import NoSuchPath
from vaultd.format.entry import FOLDER, Entry
from vaultd.format.limits import MAX_FOLDER_DEPTH
from vaultd.tree.content import identity
from vaultd.tree.folder import Leaf, Names, Wrong, damaged, entries_in, leaves, only_good, side_by_side
from vaultd.tree.run import Counts
from vaultd.tree.view import Broken, View, folder_id, split


class Kind(StrEnum):
    """`METADATA`: the same bytes, and another mode, owner, time or attribute. `CHANGED`: also another
    kind.
    """

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    METADATA = "metadata"


@dataclass(frozen=True, slots=True)
class Change:
    """One path that is not the same in `a` and `b`; None where it does not stand."""

    path: bytes
    kind: Kind
    a: Entry | None
    b: Entry | None


@dataclass(slots=True)
class _Frame:
    names: Names
    prefix: int
    failures: list[Wrong] = field(default_factory=list)


Enters = Callable[[Change], bool]


def _always(_: Change) -> bool:
    return True


def compare(
    view_a: View, view_b: View, path: bytes = b"", enters: Enters = _always
) -> Iterator[Change | Broken]:
    """Every change at `path` and below on the way from a to b, a folder before what is in it.

    What is below an added or removed folder comes too, where `enters` says so of that change. Raises
    NoSuchPath where neither holds the path.
    """
    a, b = _lookup(view_a, path), _lookup(view_b, path)
    if a is None and b is None:
        raise NoSuchPath(path)
    names = split(path)
    if change := _change(b"/".join(names), a, b):
        yield change
    yield from _compare_below(view_a, view_b, (a, b), names, enters)


def _compare_below(
    view_a: View,
    view_b: View,
    top: tuple[Entry | None, Entry | None],
    names: list[bytes],
    enters: Enters,
) -> Iterator[Change | Broken]:
    prefix = b"".join(name + b"/" for name in names)
    first = _open(view_a, view_b, *top, len(prefix))
    stack = [first] if first else []
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
        a, b = (column[0] if column else None for column in columns)
        if change := _change(prefix + name, a, b):
            yield change
            if not enters(change):
                continue
        below = _open(view_a, view_b, a, b, len(prefix) + len(name) + 1)
        if below is None:
            continue
        if len(names) + len(stack) >= MAX_FOLDER_DEPTH:
            yield Broken(prefix + name, damaged(b"", "depth"))
            continue
        prefix += name + b"/"
        stack.append(below)


def count_changes(counts: Counts, before: Mapping[str, int], a: View, b: View) -> None:
    """Make the counts of b's root from those of a's, where only what differs was counted. What cannot be
    compared is not counted.
    """
    counts.files, counts.folders, counts.others, counts.bytes = (
        before.get(each, 0) for each in ("files", "folders", "others", "bytes")
    )
    for change in compare(a, b):
        if isinstance(change, Change) and change.kind is not Kind.METADATA and change.path:
            for entry, step in ((change.a, -1), (change.b, 1)):
                if entry is not None:
                    counts.add(entry, step)


def _lookup(view: View, path: bytes) -> Entry | None:
    try:
        return view.lookup(path)
    except NoSuchPath:
        return None


def _open(view_a: View, view_b: View, a: Entry | None, b: Entry | None, prefix: int) -> _Frame | None:
    """The names of two folders in pages that only one of them has; None where there is nothing to compare."""
    contents = [folder_id(entry) if entry and entry.kind == FOLDER else None for entry in (a, b)]
    if contents[0] == contents[1]:
        return None
    failures: list[Wrong] = []
    pages = [
        list(leaves(view.blobs, content)) if content else []
        for view, content in zip((view_a, view_b), contents, strict=True)
    ]
    ids = [{page.id for page in each if isinstance(page, Leaf)} for each in pages]
    common = ids[0] & ids[1]
    streams = [
        only_good(
            entries_in(
                view.blobs, [page for page in each if not (isinstance(page, Leaf) and page.id in common)]
            ),
            failures.append,
        )
        for view, each in zip((view_a, view_b), pages, strict=True)
    ]
    return _Frame(side_by_side(streams), prefix, failures)


def _change(path: bytes, a: Entry | None, b: Entry | None) -> Change | None:
    if a is None or b is None:
        return Change(path, Kind.ADDED if a is None else Kind.REMOVED, a, b)
    if a.kind != b.kind or (a.kind != FOLDER and identity(a) != identity(b)):
        return Change(path, Kind.CHANGED, a, b)
    return Change(path, Kind.METADATA, a, b) if _metadata(a) != _metadata(b) else None


def _metadata(entry: Entry) -> tuple[object, ...]:
    extra = entry.extra
    return (
        entry.mode,
        entry.uid,
        entry.gid,
        entry.mtime,
        extra.get("owner"),
        extra.get("xattr"),
        extra.get("rdev"),
    )
