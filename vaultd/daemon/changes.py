"""What a watch says: which folders may have changed, what was missed, and how well it can watch.

All of it is data. Paths are bytes from the source's root, b"" for the root itself.
"""

from dataclasses import dataclass
from enum import StrEnum


class Why(StrEnum):
    """Why anything may have changed without a word."""

    STARTED = "started"  # nobody watched before
    OVERFLOW = "overflow"  # more happened at once than the system remembers
    RETURNED = "returned"  # the root is back, or is another folder than before
    MOUNTS = "mounts"  # something was mounted or unmounted inside
    UNWATCHED = "unwatched"  # it could not be watched for a while
    FAILED = "failed"  # the watch broke, and was made anew


@dataclass(frozen=True, slots=True)
class Dirty:
    """A folder may have changed: names in it, the files that they name, or itself. `deep`: all below, too."""

    folder: bytes
    deep: bool = False


@dataclass(frozen=True, slots=True)
class Lost:
    """Anything may have changed: scan all of it. Said when watching has begun again, never before."""

    why: Why


# How well it can be watched.

UNMOUNTED = "unmounted"
NETWORK = "network"
TWICE = "twice"


@dataclass(frozen=True, slots=True)
class Part:
    """A folder inside that is not watched, with all below it. `code` says why: "EACCES" and the like;
    NETWORK for a file system that others write to unseen, whose type is `type`; TWICE for a folder that is
    watched under another path.
    """

    folder: bytes
    code: str
    type: str = ""


@dataclass(frozen=True, slots=True)
class Watching:
    """So many folders are watched; `busy`: more were made or moved here, and are being found. `parts` are the
    first 100 of `part_count` that are not watched, and need scans.
    """

    folders: int
    parts: tuple[Part, ...] = ()
    part_count: int = 0
    busy: bool = False


@dataclass(frozen=True, slots=True)
class Beginning:
    """The folders are being found."""


@dataclass(frozen=True, slots=True)
class Network:
    """The root stands on a file system that others write to unseen; `type` as in mountinfo."""

    type: str


@dataclass(frozen=True, slots=True)
class TooMany:
    """The system does not let this user watch more folders. `limit` is what it allows for all programs
    together, and `held` how many of them were ours when there were no more.
    """

    limit: int
    held: int
    setting = "fs.inotify.max_user_watches"

    @property
    def command(self) -> str:
        """What raises the limit, to be typed by root: to twice what we held, and a million at least."""
        return f"sysctl {self.setting}={max(1 << 20, 2 * self.held, 2 * self.limit)}"


@dataclass(frozen=True, slots=True)
class TooManyWatchers:
    """The system does not let this user have another queue of events."""

    limit: int
    setting = "fs.inotify.max_user_instances"

    @property
    def command(self) -> str:
        """What raises the limit, to be typed by root."""
        return f"sysctl {self.setting}={max(1024, 2 * self.limit)}"


@dataclass(frozen=True, slots=True)
class Broken:
    """Watching failed, with this name of an error; it is tried again."""

    code: str


@dataclass(frozen=True, slots=True)
class Scanning:
    """Nothing is watched: only a scan finds what changed."""

    reason: Beginning | Network | TooMany | TooManyWatchers | Broken


@dataclass(frozen=True, slots=True)
class Gone:
    """There is no root to watch: the name of the error, or UNMOUNTED where only the folder that it was
    mounted on is left.
    """

    code: str


State = Watching | Scanning | Gone


@dataclass(frozen=True, slots=True)
class Turned:
    """It can be watched better or worse than before. The number of folders is not worth a word."""

    state: State


Change = Dirty | Lost | Turned
