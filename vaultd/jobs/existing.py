"""What to do about what stands already where a restore is to write.

The default is to leave it: what is there may be newer than the vault, and a restore must never be how
something is lost. What is there and looks exactly like what would be written was restored before: that is how
a restore that was interrupted goes on.
"""

import os
import stat
from enum import Enum, StrEnum, auto

from vaultd.errors import Damaged, Missing
from vaultd.format.entry import BLOCK, CHAR, FIFO, FILE, LINK, SOCKET, Entry, device_numbers
from vaultd.jobs.clocks import Clocks
from vaultd.jobs.target import Level, status_of
from vaultd.tree.view import View

_TYPES = {
    FILE: stat.S_IFREG,
    LINK: stat.S_IFLNK,
    FIFO: stat.S_IFIFO,
    SOCKET: stat.S_IFSOCK,
    CHAR: stat.S_IFCHR,
    BLOCK: stat.S_IFBLK,
}


class Overwrite(StrEnum):
    """`NEVER` (the default) leaves what is there; `IF_CHANGED` replaces what differs in kind, size or time;
    `ALWAYS` replaces everything but folders, also where a folder must be. A folder is never replaced."""

    NEVER = "never"
    IF_CHANGED = "if-changed"
    ALWAYS = "always"


class Decision(Enum):
    """What happens to one name that is taken."""

    ALREADY = auto()
    LEAVE = auto()
    REPLACE = auto()


class Existing:
    """Judges what stood in the target before. Changes nothing, unless `write` lets it try the clock of a file
    system with a file of its own.
    """

    def __init__(self, view: View, *, write: bool) -> None:
        self._view = view
        self._clocks = Clocks(write=write)

    def judge(
        self, here: Level, name: bytes, entry: Entry, overwrite: Overwrite
    ) -> tuple[Decision | None, os.stat_result | None]:
        """What happens to `name` in an open folder, and what stands there now; None where it is free, or
        belongs to this run. Raises OSError.
        """
        status = status_of(here.fd, name) if name in here.before else None
        if status is None:
            return None, None
        if stat.S_ISDIR(status.st_mode):
            return Decision.LEAVE, status
        if overwrite is Overwrite.ALWAYS:
            return Decision.REPLACE, status
        if self._looks_restored(here, name, status, entry):
            return Decision.ALREADY, status
        return Decision.LEAVE if overwrite is Overwrite.NEVER else Decision.REPLACE, status

    def same_time(self, here: Level, there: int, wanted: int) -> bool:
        """Whether a time in an open folder is the one that was wanted, as far as its file system can keep
        it.
        """
        return self._clocks.same_time(there, wanted, here.fd, here.status.st_dev)

    def _looks_restored(self, here: Level, name: bytes, status: os.stat_result, entry: Entry) -> bool:
        """Kind, and for a file size and time, for a link its target, for a device its number, are those of
        the entry.
        """
        if stat.S_IFMT(status.st_mode) != _TYPES.get(entry.kind):
            return False
        if entry.kind == FILE:
            return status.st_size == entry.size and self.same_time(here, status.st_mtime_ns, entry.mtime)
        if entry.kind == LINK:
            return self._same_link(here.fd, name, entry)
        return entry.kind not in (CHAR, BLOCK) or status.st_rdev == os.makedev(
            *(device_numbers(entry) or (0, 0))
        )

    def _same_link(self, fd: int, name: bytes, entry: Entry) -> bool:
        try:
            return os.readlink(name, dir_fd=fd) == self._view.link(entry)
        except (OSError, Missing, Damaged):
            return False
