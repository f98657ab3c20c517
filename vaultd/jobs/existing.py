"""What to do about what stands already where a restore is to write.

The default is to leave it: what is there may be newer than the vault, and a restore must never be how
something is lost. What is there and looks exactly like what would be written was restored before: that is how
a restore that was interrupted goes on.
"""

import os
import stat
from collections.abc import Callable
from enum import Enum, StrEnum, auto

from vaultd.format.entry import BLOCK, CHAR, FIFO, FILE, LINK, SOCKET, Entry

_TYPES = {
    FILE: stat.S_IFREG,
    LINK: stat.S_IFLNK,
    FIFO: stat.S_IFIFO,
    SOCKET: stat.S_IFSOCK,
    CHAR: stat.S_IFCHR,
    BLOCK: stat.S_IFBLK,
}
# Coarser clocks of file systems, in ns: FAT, HFS+ and old servers, NTFS. A time that was cut to one of them
# is equal.
_CLOCKS = (2_000_000_000, 1_000_000_000, 1_000, 100)


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


def decide(
    status: os.stat_result, entry: Entry, overwrite: Overwrite, same_link: Callable[[], bool]
) -> Decision:
    """`status` is of what is there, links not followed; `same_link` is asked only where both are symbolic
    links.
    """
    if stat.S_ISDIR(status.st_mode):
        return Decision.LEAVE
    if overwrite is Overwrite.ALWAYS:
        return Decision.REPLACE
    if looks_restored(status, entry) and (entry.kind != LINK or same_link()):
        return Decision.ALREADY
    return Decision.LEAVE if overwrite is Overwrite.NEVER else Decision.REPLACE


def looks_restored(status: os.stat_result, entry: Entry) -> bool:
    """Kind, and for a file size and time, are those of the entry."""
    if stat.S_IFMT(status.st_mode) != _TYPES.get(entry.kind):
        return False
    return entry.kind != FILE or (
        status.st_size == entry.size and _same_time(status.st_mtime_ns, entry.mtime)
    )


def _same_time(there: int, wanted: int) -> bool:
    if there == wanted:
        return True
    return any(there % clock == 0 and 0 <= wanted - there < clock for clock in _CLOCKS)
