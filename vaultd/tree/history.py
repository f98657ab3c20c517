"""What stood at one path, snapshot after snapshot."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from vaultd.errors import Damaged, Missing
from vaultd.format.entry import FOLDER, Entry
from vaultd.tree.content import identity
from vaultd.tree.folder import Folders, Wrong, find_name
from vaultd.tree.snapshots import Snapshot
from vaultd.tree.view import folder_id, split


@dataclass(frozen=True, slots=True)
class Stretch:
    """`entry` stood there, with this content, in every snapshot from `first` to `last`, so far as they could
    be read; None: nothing did.
    """

    entry: Entry | None
    first: Snapshot
    last: Snapshot


Failed = Callable[[Snapshot, Wrong], None]


def history(folders: Folders, line: Sequence[Snapshot], path: bytes, failed: Failed) -> list[Stretch]:
    """The stretches of a path, in the order of the snapshots of one source, which `line` is. A folder counts
    as the same whatever is in it. A snapshot that cannot be read is told to `failed`, and ends no stretch.
    """
    found: list[Stretch] = []
    for snapshot, entry in _each(folders, line, split(path), failed):
        if found and _sign(found[-1].entry) == _sign(entry):
            found[-1] = replace(found[-1], entry=entry, last=snapshot)
        else:
            found.append(Stretch(entry, snapshot, snapshot))
    return found


def _each(
    folders: Folders, line: Sequence[Snapshot], names: Sequence[bytes], failed: Failed
) -> Iterator[tuple[Snapshot, Entry | None]]:
    # Most snapshots share most folders: each is looked into once.
    known: dict[tuple[bytes, int], Entry | None] = {}
    for snapshot in line:
        entry: Entry | None = snapshot.body.root
        try:
            for depth, name in enumerate(names):
                if entry is None or entry.kind != FOLDER:
                    entry = None
                    break
                at = folder_id(entry), depth
                if at not in known:
                    known[at] = find_name(folders, at[0], name)
                entry = known[at]
        except (Missing, Damaged) as error:
            failed(snapshot, error)
            continue
        yield snapshot, entry


def _sign(entry: Entry | None) -> object:
    if entry is None or entry.kind == FOLDER:
        return entry and FOLDER
    return identity(entry)
