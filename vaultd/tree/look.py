"""What a folder looked like when it was last read: the hint that saves reading it again.

A look holds the stat of everything in the folder that is not a folder, and the whole entries of its
subfolders. Two equal looks mean one content, since whatever could not be relied on was written into the
remembered look as something that no file system says. Looks never leave this machine: inodes and change
times mean nothing elsewhere.
"""

from typing import NamedTuple

import msgspec

from vaultd.capture.listing import Seen
from vaultd.format.entry import Entry, encode_entry

_VERSION = 1
_NEVER = -1  # no inode has this number

# How long after a change a file may change again without its times telling. Clocks of file systems count in
# 2 s at the coarsest (FAT). A program that writes through a mapping changes the times once, and not again
# until the system has written the page out: 30 s until it counts as old and 5 s until somebody looks
# (Linux, vm.dirty_*), doubled less a little. What is younger is read again by the next scan, which stores
# nothing where nothing changed.
GRAIN_NS = 60_000_000_000


class Look(NamedTuple):
    """`files` are all but folders; `folders` are names with the encoded entry; both ascend by name."""

    version: int
    files: list[Seen]
    folders: list[tuple[bytes, bytes]]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Look)


def encode(files: list[Seen], folders: list[Entry]) -> bytes:
    """A look as bytes: equal for equal folders."""
    return _encoder.encode((_VERSION, files, [(entry.name, encode_entry(entry)) for entry in folders]))


def decode(look: bytes) -> Look | None:
    """A remembered look taken apart; None where it is not one of ours, as local state may be damaged or
    newer.
    """
    try:
        found = _decoder.decode(look)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return found if found.version == _VERSION else None


def distrusted(seen: Seen) -> Seen:
    """This name, in a way that no later stat equals: it will be read again."""
    return seen._replace(ino=_NEVER)


def settled(seen: Seen, started_ns: int) -> bool:
    """True where the next write after this stat must show in it: it was last changed well before the scan
    began.
    """
    return max(seen.ctime, seen.mtime) < started_ns - GRAIN_NS
