"""Compare what a restore has put down with what was saved: kind, size, bytes, mode, time and links."""

import os
import stat
from collections.abc import Iterator

from vaultd.errors import Damaged, Missing
from vaultd.format.entry import FIFO, FILE, FOLDER, LINK, Entry
from vaultd.jobs.attributes import SET_ID_BITS
from vaultd.jobs.planning import PARTLY, UNREADABLE
from vaultd.jobs.readback import NOT_AS_WRITTEN
from vaultd.jobs.restoration import Restored
from vaultd.jobs.sampling import Pick
from vaultd.tree.troubles import Trouble
from vaultd.tree.view import Broken

DIFFERS = "differs"
# Troubles that say something of the vault, rather than of the disk that it was restored to.
TRIED = frozenset({UNREADABLE, PARTLY, NOT_AS_WRITTEN, DIFFERS})
_KINDS = {FILE: stat.S_ISREG, FOLDER: stat.S_ISDIR, LINK: stat.S_ISLNK, FIFO: stat.S_ISFIFO}


def compared(pick: Pick, target: bytes, restored: Restored) -> Iterator[Trouble]:
    """All that is wrong with what was restored of `pick` into `target`, and what could not be tried. The
    bytes were compared by `restore`, which read them back. Raises Unreachable, Missing, Damaged.
    """
    yield from restored.troubles.kept
    told = {trouble.path for trouble in restored.troubles.kept} | {each.path for each in restored.renamed}
    unset = {note.error for note in restored.troubles.notes}
    above = len(pick.path) - len(pick.path.rpartition(b"/")[2])
    groups: dict[object, tuple[int, int]] = {}
    for path, entry in _entries(pick):
        if path in told or entry.kind not in _KINDS:
            continue
        if differs := _difference(pick, os.path.join(target, path[above:]), entry, unset, groups):
            yield Trouble(path, DIFFERS, differs)


def _entries(pick: Pick) -> Iterator[tuple[bytes, Entry]]:
    yield pick.path, pick.entry
    if pick.entry.kind == FOLDER:
        for item in pick.view.walk(pick.path):
            if not isinstance(item, Broken):  # `restored` tells
                yield item.path, item.entry


def _difference(
    pick: Pick, place: bytes, entry: Entry, unset: set[str], groups: dict[object, tuple[int, int]]
) -> str:
    """The first thing in which it differs, a word; "" for none."""
    try:
        there = os.lstat(place)
        link = os.readlink(place) if stat.S_ISLNK(there.st_mode) else None
    except OSError:
        return "missing"
    if not _KINDS[entry.kind](there.st_mode):
        return "kind"
    if entry.kind == FILE and there.st_size != entry.size:
        return "size"
    if entry.kind != LINK and "mode" not in unset and _bits(there.st_mode) != _bits(entry.mode):
        return "mode"
    if "times" not in unset and there.st_mtime_ns != entry.mtime:
        return "time"
    if link is not None and link != _link(pick, entry):
        return "link"
    if "hard" in entry.extra:
        node = there.st_dev, there.st_ino
        return "hard link" if groups.setdefault(entry.extra["hard"], node) != node else ""
    return ""


def _bits(mode: int) -> int:
    """What anybody may set: rights that a restore gives only when it is asked to are not compared."""
    return stat.S_IMODE(mode) & ~SET_ID_BITS


def _link(pick: Pick, entry: Entry) -> bytes | None:
    try:
        return pick.view.link(entry)
    except (Missing, Damaged):
        return None
