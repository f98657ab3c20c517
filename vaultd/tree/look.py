"""What a folder looked like when it was last read: the hint that saves reading it again.

A look holds the stat of everything in the folder that is not a folder, and the whole entries of its
subfolders. Two equal looks mean one content, since a look that lacks what could not be relied on says that
it is not whole, as no listing does. Looks never leave this machine: inodes and change
times mean nothing elsewhere.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from vaultd.capture.listing import Seen
from vaultd.format.entry import Entry, encode_entry

_VERSION = 2

# How long after a change a file may change again without its times telling. Clocks of file systems count in
# 2 s at the coarsest (FAT). A program that writes through a mapping changes the times once, and not again
# until the system has written the page out: 30 s until it counts as old and 5 s until somebody looks
# (Linux, vm.dirty_*), doubled less a little. What is younger is read again by the next scan, which stores
# nothing where nothing changed.
GRAIN_NS = 60_000_000_000


# So many names are taken apart together: a name takes 70 bytes encoded and 400 as objects, and the folder's
# new listing is in memory beside the remembered one (200,000 names: 80 MB).
_PIECE = 1024


class Look(NamedTuple):
    """`files` are all but folders, encoded in pieces, and not all of them where it is not `whole`; `folders`
    are names with the encoded entry; both ascend by name.
    """

    version: int
    whole: bool
    files: list[bytes]
    folders: list[tuple[bytes, bytes]]


_NOT_OURS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Look)
_piece_decoder = msgspec.msgpack.Decoder(list[Seen])


def encode(files: list[Seen], folders: list[Entry], *, whole: bool = True) -> bytes:
    """A look as bytes: equal for equal folders. It is not `whole` where names are left out of it, so that
    they are read again.
    """
    pieces = [_encoder.encode(files[begin : begin + _PIECE]) for begin in range(0, len(files), _PIECE)]
    return _encoder.encode(
        (_VERSION, whole, pieces, [(entry.name, encode_entry(entry)) for entry in folders])
    )


def encode_again(look: Look, changed: Mapping[bytes, Entry]) -> bytes:
    """The look as bytes, with the entries of some subfolders that it has changed for these."""
    folders = [
        (name, encode_entry(changed[name]) if name in changed else encoded) for name, encoded in look.folders
    ]
    return _encoder.encode(look._replace(folders=folders))


def decode(look: bytes) -> Look | None:
    """A remembered look taken apart; None where it is not one of ours, as local state may be damaged or
    newer.
    """
    try:
        found = _decoder.decode(look)
    except _NOT_OURS:
        return None
    return found if found.version == _VERSION else None


class Remembered:
    """The files of a look, gone through in the order of names; one piece of them is in memory."""

    def __init__(self, look: Look | None) -> None:
        self._pieces = iter(look.files if look else ())
        self._here: dict[bytes, Seen] = {}
        self._last = b""  # the last name of the piece that is here

    def unchanged(self, some: Iterable[Seen]) -> list[Seen]:
        """Those that were remembered just so. Names must be asked for in their order."""
        return [seen for seen in some if self._find(seen.name) == seen]

    def _find(self, name: bytes) -> Seen | None:
        while name > self._last:
            piece = _piece(next(self._pieces, None))
            if not piece:
                break
            self._here = {seen.name: seen for seen in piece}
            self._last = piece[-1].name
        return self._here.get(name)


def _piece(encoded: bytes | None) -> list[Seen]:
    try:
        return _piece_decoder.decode(encoded) if encoded else []
    except _NOT_OURS:
        return []


def settled(seen: Seen, started_ns: int) -> bool:
    """True where the next write after this stat must show in it: it was last changed well before the scan
    began.
    """
    return max(seen.ctime, seen.mtime) < started_ns - GRAIN_NS
