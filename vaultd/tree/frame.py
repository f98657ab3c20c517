"""One folder that is being scanned, while the scan is inside it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from vaultd.capture.listing import Listing, Seen
from vaultd.format.entry import Entry
from vaultd.store.contract import Blobs
from vaultd.tree.dirty import EVERYTHING, Dirty
from vaultd.tree.earlier import Earlier, Failed, folder_content
from vaultd.tree.passing import Passing

_NOBODY = Seen(b"", 0, -1, 0, 0, 0, 0, 0, 0)


@dataclass(slots=True)
class Frame:
    """`st` is the folder's fstat as it was opened; `folders` gathers the entries of its subfolders as they
    are done.

    `before` is the folder's entry in the last snapshot, which is looked up only when it is needed: `known`
    says whether that was done. One that is only `passing` has in its listing the subfolders to visit.
    """

    name: bytes
    st: os.stat_result
    listing: Listing
    before: Entry | None = None
    known: bool = False
    dirty: Dirty = EVERYTHING
    passing: Passing | None = None
    folders: dict[bytes, Entry] = field(default_factory=dict)
    _todo: Iterator[Seen] = field(init=False)
    _earlier: Earlier | None = None

    def __post_init__(self) -> None:
        self._todo = iter([seen for seen in self.listing.seen if seen.is_folder])

    def next_folder(self) -> Seen | None:
        """The next subfolder, in order of names; None after the last."""
        return next(self._todo, None)

    def device_of(self, name: bytes) -> int:
        """The device that a name of this folder is on."""
        return self.listing.devices.get(name, self.st.st_dev)

    def earlier(self, blobs: Blobs, failed: Failed, name: bytes) -> Entry | None:
        """What the last snapshot has of a subfolder; names must be asked for in their order."""
        if self.passing is not None:
            return self.passing.before(name)
        if self._earlier is None:
            self._earlier = Earlier(blobs, folder_content(self.before), failed)
        return self._earlier.get(name)

    def others(self) -> list[Seen]:
        """All that is not a folder, by name."""
        return [seen for seen in self.listing.seen if not seen.is_folder]

    def done(self) -> list[Entry]:
        """The entries of subfolders, by name: what `look` keeps of them."""
        return list(self.folders.values())

    def names(self) -> list[Seen]:
        """All names in order; those that could not be looked at have the mode 0."""
        if not self.listing.failed:
            return self.listing.seen
        blind = [_NOBODY._replace(name=name) for name in self.listing.failed]
        return sorted([*self.listing.seen, *blind])
