"""The kernel's queue of what happened in folders, by way of watchdog's binding to it.

Only the binding: why not watchdog's observers, docs/decisions/0023-watching.md.
"""

import ctypes
import errno
import os
import struct
from pathlib import Path
from typing import NamedTuple

from watchdog.observers.inotify_c import InotifyConstants as Bits
from watchdog.observers.inotify_c import inotify_add_watch, inotify_init, inotify_rm_watch

LIMITS = Path("/proc/sys/fs/inotify")

# What can change a listing, a file or its metadata. Opening and reading are left out: the walk that adds
# watches would fill the queue by itself. IN_MODIFY is for files that are never closed, as databases are.
# IN_MASK_ADD: a folder that is met twice keeps what was asked for first.
FOLDER = (
    Bits.IN_ATTRIB
    | Bits.IN_MODIFY
    | Bits.IN_CLOSE_WRITE
    | Bits.IN_MOVED_FROM
    | Bits.IN_MOVED_TO
    | Bits.IN_CREATE
    | Bits.IN_DELETE
    | Bits.IN_ONLYDIR
    | Bits.IN_EXCL_UNLINK
    | Bits.IN_MASK_ADD
)
ROOT = FOLDER | Bits.IN_MOVE_SELF | Bits.IN_DELETE_SELF
LEFT = Bits.IN_IGNORED | Bits.IN_UNMOUNT | Bits.IN_MOVE_SELF | Bits.IN_DELETE_SELF
NEW_NAME = Bits.IN_CREATE | Bits.IN_MOVED_TO
OLD_NAME = Bits.IN_DELETE | Bits.IN_MOVED_FROM
IN_ISDIR = Bits.IN_ISDIR
OVERFLOW = Bits.IN_Q_OVERFLOW

_HEAD = struct.Struct("iIII")
_BUFFER = 256 * 1024


class Event(NamedTuple):
    """One of them: `wd` is the number of the watch, -1 where the queue overflowed; `name` is b"" where the
    folder itself is meant.
    """

    wd: int
    mask: int
    name: bytes


class Queue:
    """A queue with its watches. Not safe to use from two threads at once. Raises OSError where there can be
    no more queues (EMFILE). Holds no folder open, so that a disk can be unmounted.
    """

    def __init__(self) -> None:
        self.fd = inotify_init()
        if self.fd < 0:
            raise _failure()
        # watchdog's binding knows no inotify_init1.
        os.set_inheritable(self.fd, False)
        os.set_blocking(self.fd, False)

    def add(self, folder: int, mask: int) -> int:
        """Watch an open folder; the number of its watch, which is the same as before where it is watched
        already. Raises OSError.
        """
        wd = inotify_add_watch(self.fd, b"/proc/self/fd/%d" % folder, mask)
        if wd < 0:
            raise _failure()
        return wd

    def remove(self, wd: int) -> None:
        """Watch this no longer. A watch that is gone with its folder is not an error."""
        inotify_rm_watch(self.fd, wd)  # type: ignore[arg-type]  # a NewType of watchdog

    def read(self) -> list[Event]:
        """What has happened, in order, without waiting: some of it; nothing where the queue is empty."""
        try:
            return _parsed(os.read(self.fd, _BUFFER))
        except BlockingIOError:
            return []

    def close(self) -> None:
        """Let go of all watches. The kernel needs no list of them."""
        os.close(self.fd)


def limit(name: str) -> int:
    """What the system allows; 0 where it does not tell."""
    try:
        return int((LIMITS / name).read_text())
    except (OSError, ValueError):
        return 0


def _parsed(data: bytes) -> list[Event]:
    events, at = [], 0
    while at < len(data):
        wd, mask, _, length = _HEAD.unpack_from(data, at)
        at += _HEAD.size + length
        events.append(Event(wd, mask, data[at - length : at].rstrip(b"\0")))
    return events


def _failure() -> OSError:
    number = ctypes.get_errno() or errno.EIO
    return OSError(number, os.strerror(number))
