"""What is in a folder: names and what the file system says of them, without opening any."""

import os
import stat
import sys
from dataclasses import dataclass, field
from typing import NamedTuple

from vaultd.capture.unreadable import Unreadable, unreadable

# Names go through `str` and back in the fast way of listing, which only UTF-8 survives unchanged.
_NAMES_SURVIVE = sys.getfilesystemencoding().lower().replace("-", "") == "utf8"

# Some file systems take any 64-bit number of seconds, which is more than 64 bits of nanoseconds.
_LATEST = 2**63 - 1

# What the constructor of a named tuple ends in; it is called for every file of every scan.
_new = tuple.__new__


class Seen(NamedTuple):
    """One name, as lstat told it. Times in ns. What changes when a file does; the device is not in it, since
    a number of the device that a remount changes must not make a whole source look new."""

    name: bytes
    mode: int
    ino: int
    ctime: int
    mtime: int
    size: int
    uid: int
    gid: int
    nlink: int

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self.mode)

    @property
    def is_file(self) -> bool:
        return stat.S_ISREG(self.mode)


@dataclass(slots=True)
class Listing:
    """All names of one folder. `seen` ascends by name. A name is in `failed` where lstat failed; `devices`
    has the device of names that are on another than the folder itself. Names that vanished while they
    were listed are in `failed` too.
    """

    seen: list[Seen] = field(default_factory=list)
    failed: dict[bytes, Unreadable] = field(default_factory=dict)
    devices: dict[bytes, int] = field(default_factory=dict)


def seen_as(name: bytes, st: os.stat_result) -> Seen:
    """What a stat says of a name, as a `Seen`."""
    mtime = st.st_mtime_ns
    if not -_LATEST <= mtime <= _LATEST:
        mtime = max(-_LATEST, min(mtime, _LATEST))
    return _new(
        Seen,
        (name, st.st_mode, st.st_ino, st.st_ctime_ns, mtime, st.st_size, st.st_uid, st.st_gid, st.st_nlink),
    )


def look_at(folder: int, name: bytes) -> os.stat_result:
    """lstat of one name in an open folder. Raises Unreadable."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        raise unreadable(error, "stat") from error


def names_of(folder: int) -> list[bytes]:
    """The names in an open folder, in no order; all of them, or Unreadable."""
    try:
        if _NAMES_SURVIVE:
            return [os.fsencode(name) for name in os.listdir(folder)]
        return os.listdir(b"/proc/self/fd/%d" % folder)
    except OSError as error:
        raise unreadable(error, "list") from error


def list_folder(folder: int, device: int) -> Listing:
    """Every name in an open folder on `device`, looked at. Raises Unreadable if the names cannot all be
    had.
    """
    listing = Listing()
    add, stat_of = listing.seen.append, os.stat
    for name in sorted(names_of(folder)):
        try:
            st = stat_of(name, dir_fd=folder, follow_symlinks=False)
        except OSError as error:
            listing.failed[name] = unreadable(error, "stat")
            continue
        add(seen_as(name, st))
        if st.st_dev != device:
            listing.devices[name] = st.st_dev
    return listing
