"""A folder that is only passed through: its own names are as they were, some of its folders may not be."""

import os
from bisect import bisect_left
from collections.abc import Mapping
from operator import itemgetter

from vaultd.capture.listing import Listing, look_at, seen_as
from vaultd.capture.unreadable import Unreadable
from vaultd.errors import Refused
from vaultd.format.entry import Entry
from vaultd.format.page import decode_page
from vaultd.store.contract import FolderMemory
from vaultd.tree import look
from vaultd.tree.dirty import Dirty
from vaultd.tree.run import Run
from vaultd.tree.splice import splice

_ARRAY_OF_ONE = b"\x91"


class Passing:
    """What this machine remembers of such a folder, which is what the last snapshot has of it."""

    def __init__(self, looked: look.Look, content: bytes) -> None:
        self._looked = looked
        self.as_it_was = content

    def before(self, name: bytes) -> Entry | None:
        """The entry of a folder in it, in the last snapshot."""
        folders = self._looked.folders
        at = bisect_left(folders, name, key=itemgetter(0))
        if at == len(folders) or folders[at][0] != name:
            return None
        try:
            return decode_page(_ARRAY_OF_ONE + folders[at][1]).entries[0]
        except Refused:
            return None

    def content(self, run: Run, changed: Mapping[bytes, Entry]) -> tuple[bytes, bytes] | None:
        """The look and the content id of the folder with these folders as they are now; None where they are
        as they were. Raises Missing, Damaged.
        """
        new = {name: entry for name, entry in changed.items() if entry != self.before(name)}
        if not new:
            return None
        return look.encode_again(self._looked, new), splice(run, self.as_it_was, new)


def passed(
    memory: FolderMemory, dirty: Dirty, path: bytes, fd: int, st: os.stat_result, content: bytes | None
) -> tuple[Passing, Listing] | None:
    """How to pass through an open folder whose content in the last snapshot was `content`, and those of its
    folders that must be visited; None where it has to be listed.
    """
    known = None if dirty.listed or content is None else memory.recall(path)
    if known is None or known[1] != content:
        return None
    looked = look.decode(known[0])
    if looked is None:
        return None
    passing, listing = Passing(looked, known[1]), Listing()
    for name in dirty.names():
        try:
            found = look_at(fd, name)
        except Unreadable:
            return None
        seen = seen_as(name, found)
        if not seen.is_folder or passing.before(name) is None:
            return None
        listing.seen.append(seen)
        if found.st_dev != st.st_dev:
            listing.devices[name] = found.st_dev
    return passing, listing
