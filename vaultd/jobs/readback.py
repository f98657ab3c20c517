"""Read restored files back from the medium, some at a time: what a disk took is not yet what it keeps."""

import os
from dataclasses import dataclass

from vaultd.errors import Damaged, Missing
from vaultd.format.entry import Entry
from vaultd.format.keys import Keys
from vaultd.jobs.filling import reads_back
from vaultd.jobs.planning import UNREADABLE
from vaultd.jobs.restoration import Restored
from vaultd.jobs.target import open_existing, sync
from vaultd.tree.view import View

# Of what this run wrote: the disk did not keep it. Of what was there already: it looks the same and is not,
# or cannot be read to tell.
NOT_AS_WRITTEN = "not-as-written"
NOT_THE_SAME = "not-the-same"
NOT_COMPARED = "not-compared"
# As many as descriptors and patience allow before everything must reach the medium.
_FILES = 128
_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class _Waiting:
    fd: int
    entry: Entry
    path: bytes
    written: bool


class ReadBack:
    """Holds files open, so that what is read is what was written, whatever its name stands for now."""

    def __init__(self, view: View, keys: Keys, restored: Restored) -> None:
        self._view = view
        self._keys = keys
        self._restored = restored
        self._waiting: list[_Waiting] = []
        self._bytes = 0

    def add(self, fd: int, entry: Entry, path: bytes, *, written: bool) -> None:
        """Check this file soon: one that this run wrote, or that was there already. The descriptor is ours
        from here on.
        """
        self._waiting.append(_Waiting(fd, entry, path, written))
        self._bytes += entry.size
        if len(self._waiting) >= _FILES or self._bytes >= _BYTES:
            self.check()

    def check(self) -> None:
        """Flush and read back what waits. Raises OSError where the medium refused to take it, Unreachable."""
        if not self._waiting:
            return
        sync(self._waiting[0].fd)
        for each in self._waiting:
            self._check_one(each)
        self.close()

    def add_existing(self, folder: int, name: bytes, entry: Entry, path: bytes) -> None:
        """Check, soon, a file of an open folder that was there already."""
        try:
            fd = open_existing(folder, name)
        except OSError as error:
            self._restored.troubles.add(path, NOT_COMPARED, str(error))
        else:
            self.add(fd, entry, path, written=False)

    def _check_one(self, file: _Waiting) -> None:
        # What is on the medium by now leaves the cache, and is read from there.
        os.posix_fadvise(file.fd, 0, 0, os.POSIX_FADV_DONTNEED)
        try:
            good = reads_back(self._view, file.entry, file.fd, self._keys)
        except (Missing, Damaged) as error:
            self._restored.damage = True
            self._restored.troubles.add(file.path, UNREADABLE, str(error))
        except OSError as error:
            self._restored.troubles.add(
                file.path, NOT_AS_WRITTEN if file.written else NOT_COMPARED, str(error)
            )
        else:
            if good:
                self._restored.verified += 1
            else:
                self._restored.troubles.add(file.path, NOT_AS_WRITTEN if file.written else NOT_THE_SAME)

    def close(self) -> None:
        for file in self._waiting:
            os.close(file.fd)
        self._waiting.clear()
        self._bytes = 0
