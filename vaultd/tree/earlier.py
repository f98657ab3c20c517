"""What the last snapshot, or this machine's memory, has of a folder: looked up name by name in ascending
order.
"""

import stat
from collections.abc import Callable, Iterable, Iterator

from vaultd.capture.listing import Seen
from vaultd.format.entry import FOLDER, Entry
from vaultd.store.contract import Blobs
from vaultd.tree.folder import Wrong, entries_of, only_good

Failed = Callable[[Wrong], None]


class Earlier:
    """The entries of one folder, one page in memory at a time. What cannot be read goes to `failed`, and is
    as if it had never been there.
    """

    def __init__(self, blobs: Blobs, content: bytes | None, failed: Failed) -> None:
        self._entries: Iterator[Entry] = iter(())
        if content is not None:
            self._entries = only_good(entries_of(blobs, content), failed)
        self._next = next(self._entries, None)
        self._ahead: dict[bytes, Entry] = {}

    def look_ahead(self, names: Iterable[bytes]) -> dict[bytes, Entry]:
        """The entries of these names, which ascend; until the next call they may be asked for again, in any
        order.
        """
        self._ahead = {name: entry for name in names if (entry := self._following(name)) is not None}
        return self._ahead

    def get(self, name: bytes) -> Entry | None:
        """The entry of this name, which must not be before the one that was asked for last."""
        return self._ahead.get(name) or self._following(name)

    def _following(self, name: bytes) -> Entry | None:
        while self._next is not None and self._next.name < name:
            self._next = next(self._entries, None)
        found = self._next
        return found if found is not None and found.name == name else None


def folder_content(entry: Entry | None) -> bytes | None:
    """The content id of an entry, if it is a folder's."""
    if entry is not None and entry.kind == FOLDER and isinstance(entry.content, bytes):
        return entry.content
    return None


def is_as_seen(entry: Entry, seen: Seen) -> bool:
    """Whether a folder's entry says of it what was seen just now, and it was read well."""
    same = (entry.mode, entry.uid, entry.gid, entry.mtime) == (
        stat.S_IMODE(seen.mode),
        seen.uid,
        seen.gid,
        seen.mtime,
    )
    return same and entry.kind == FOLDER and "stale" not in entry.extra


def is_empty(blobs: Blobs, content: bytes) -> bool:
    """True where a folder is known to hold nothing. False where its first page cannot be had."""
    return next(entries_of(blobs, content), None) is None
