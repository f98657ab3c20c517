"""Further names of a file are links to the file that this run wrote, or read through: never to anything
else.
"""

import os

from vaultd.format.entry import FILE, Entry
from vaultd.format.keys import Keys
from vaultd.jobs.drafts import Draft, link_draft
from vaultd.jobs.filling import reads_back
from vaultd.jobs.links import Links, Written
from vaultd.jobs.target import Target, open_existing
from vaultd.tree.view import View


class Linking:
    """The hard links of one run, below one target."""

    def __init__(self, target: Target, view: View, keys: Keys) -> None:
        self._target = target
        self._view = view
        self._keys = keys
        self._links = Links()

    def draft(self, entry: Entry) -> Draft | None:
        """Another name, in the folder that is open, of the file that the entry is a name of.

        None where this run has no such file, or the file system no more links: then the file is written
        again.
        """
        written = self._links.find(entry) if "hard" in entry.extra else None
        if written is None:
            return None
        try:
            fd = self._target.find(written.place.split(b"/"))
        except OSError:
            return None
        try:
            found = os.fstat(fd)
            if (found.st_dev, found.st_ino) != (written.device, written.inode):
                return None
            return link_draft(fd, self._target.here.fd)
        except OSError:
            return None
        finally:
            os.close(fd)

    def remember(self, entry: Entry, name: bytes, fd: int) -> None:
        """The file at `fd`, called `name` in the open folder, has this entry's content."""
        status = os.fstat(fd)
        place = b"/".join([*self._target.names(), name])
        self._links.add(entry, Written(place, status.st_dev, status.st_ino))

    def trust(self, entry: Entry, name: bytes) -> None:
        """Let other names be linked to a file that was there already, once its content was compared.

        One that cannot be read is not trusted. Raises Missing, Damaged.
        """
        if entry.kind != FILE or self._links.find(entry) is not None:
            return
        try:
            fd = open_existing(self._target.here.fd, name)
        except OSError:
            return
        try:
            if reads_back(self._view, entry, fd, self._keys):
                self.remember(entry, name, fd)
        except OSError:
            return
        finally:
            os.close(fd)

    def close(self) -> None:
        self._links.close()
