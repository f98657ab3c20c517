"""Lead everything that is to leave the vault into an archive, one thing after the other."""

from collections.abc import Callable, Iterable
from typing import Protocol

from vaultd.errors import Damaged, Missing
from vaultd.format.entry import FILE, FOLDER, KINDS, Entry
from vaultd.jobs.planning import UNKNOWN_KIND, UNREADABLE
from vaultd.jobs.restoration import Restored
from vaultd.jobs.wanted import Item, Several, looked_ahead
from vaultd.progress import Progress
from vaultd.tree.view import Broken, View


class Archive(Protocol):
    """`keeps` are the kinds of entries that it can hold."""

    keeps: frozenset[int]

    def add(self, path: bytes, place: bytes, entry: Entry) -> None:
        """Write one thing. Raises Missing, Damaged, and then nothing of it stands in the archive."""
        ...


def fill(
    archive: Archive,
    items: Iterable[Item | Several | Broken],
    view: View,
    told: Restored,
    progress: Progress,
    stop: Callable[[], bool],
) -> None:
    """Write what can be had, and tell the rest. `stop` is asked before each thing; where it says yes,
    KeyboardInterrupt is raised. Raises Unreachable, OSError.
    """
    for item in looked_ahead(items, view.blobs):
        if isinstance(item, Broken):
            broken(told, item.path, item.error)
            continue
        each = [item] if isinstance(item, Item) else map(item.item, item.entries)
        for one in each:
            if stop():
                raise KeyboardInterrupt
            _add(archive, one, told, progress)


def _add(archive: Archive, item: Item, told: Restored, progress: Progress) -> None:
    entry = item.entry
    if entry.kind not in KINDS:
        told.troubles.add(item.path, UNKNOWN_KIND)
        return
    if entry.kind not in archive.keeps:
        told.tally.special += 1
        told.note("special", item.path)
        return
    try:
        archive.add(item.path, item.place, entry)
    except (Missing, Damaged) as error:
        broken(told, item.path, error)
        return
    if item.place:
        count(told, entry, progress)


def count(told: Restored, entry: Entry, progress: Progress) -> None:
    """This entry is in the archive."""
    if entry.kind == FILE:
        told.tally.files += 1
        told.tally.bytes += entry.size
        progress.add(files=1, bytes=entry.size)
    elif entry.kind == FOLDER:
        told.tally.folders += 1
    else:
        told.tally.others += 1


def broken(told: Restored, path: bytes, error: Exception) -> None:
    """What stands at this path cannot be had from the vault."""
    told.damage = True
    told.troubles.add(path, UNREADABLE, str(error))
