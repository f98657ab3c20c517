"""mfusepy with what it has no way for, and without what costs most: for libfuse 3 on Linux.

A listing hands out attributes along with names (readdirplus), so that nobody asks for them one by one; what
is read is copied once, to where the kernel takes it from; and `cp` can ask where holes are.
"""

import ctypes
import errno
import logging
import os
import struct
from operator import itemgetter
from types import ModuleType
from typing import Any

from vaultd.browse.node import Attributes, Node
from vaultd.errors import VaultdError

log = logging.getLogger("vaultd.mount")
# fuse_readdir_flags and fuse_fill_dir_flags of libfuse.
_ASKS_PLUS, _IS_PLUS = 1, 2
_NS = 1_000_000_000
_CODES = {4: "i", 8: "q"}


def quicker(binding: ModuleType) -> type:
    """Its class FUSE, so changed."""
    stat = binding.c_stat
    return type("Fuse", (_Quicker, binding.FUSE), {"stat": stat, "filler": Filler(stat)})


class _Quicker:
    operations: Any
    stat: Any
    filler: "Filler"

    def fgetattr(self, path: bytes, out: Any, _: Any) -> int:
        ctypes.memset(out, 0, ctypes.sizeof(self.stat))
        try:
            self.filler.fill(out.contents, self.operations.attributes(os.fsdecode(path)))
        except VaultdError as error:
            return _told(path, error)
        return 0

    def read(self, path: bytes, out: Any, size: int, offset: int, info: Any) -> int:
        try:
            found = self.operations.part(info.contents.fh, offset, size)
        except VaultdError as error:
            return _told(path, error)
        length = len(found)
        if length:
            room = (ctypes.c_char * length).from_address(ctypes.addressof(out.contents))
            memoryview(room).cast("B")[:] = found
        return length

    def opendir(self, path: bytes, info: Any) -> int:
        found = info.contents
        try:
            found.fh, lasting = self.operations.listing(os.fsdecode(path))
        except VaultdError as error:
            return _told(path, error)
        # libfuse before 3.15 does not hand it on.
        found.cache_readdir = found.keep_cache = int(lasting)
        return 0

    def readdir_fuse_3(self, _: bytes, room: Any, fill_in: Any, offset: int, info: Any, flags: int) -> int:
        stat, plus = self.stat(), flags & _ASKS_PLUS
        for name, node, number in self.operations.rows(info.contents.fh, offset):
            whole = plus and self._is_filled(stat, node)
            if not whole:
                stat.st_mode, stat.st_ino = node.kind, node.ino
            if fill_in(room, name, stat, number, _IS_PLUS if whole else 0):
                break
        return 0

    def lseek(self, path: bytes, offset: int, whence: int, info: Any) -> int:
        found: int = self.operations.lseek(os.fsdecode(path), offset, whence, info.contents)
        return found

    def _is_filled(self, stat: Any, node: Node) -> bool:
        try:
            self.filler.fill(stat, node.attributes())
        except VaultdError:
            return False  # whoever asks for just this one is told
        return True


def _told(path: bytes, error: VaultdError) -> int:
    log.warning("%s: %s", path.decode("utf-8", "backslashreplace"), error)
    return -errno.EIO


class Filler:
    """Writes a `struct stat` at once: setting its fields one by one takes longer than all else of a
    listing.
    """

    _ORDER = ("mode", "ino", "nlink", "uid", "gid", "size", "blocks", "rdev")
    _TIMES = ("atimespec", "mtimespec", "ctimespec")

    def __init__(self, of: Any) -> None:
        """`of` is the class of the structure."""
        places = [(getattr(of, f"st_{name}"), number) for number, name in enumerate(self._ORDER)]
        spots = [(field.offset, field.size, number) for field, number in places]
        for name in self._TIMES:
            begin, half = getattr(of, f"st_{name}").offset, getattr(of, f"st_{name}").size // 2
            spots += [(begin, half, len(self._ORDER)), (begin + half, half, len(self._ORDER) + 1)]
        form, end = "=", 0
        for offset, size, _ in sorted(spots):
            form += f"{offset - end}x{_CODES[size]}"
            end = offset + size
        self._struct = struct.Struct(form)
        self._of = itemgetter(*(number for _, _, number in sorted(spots)))

    def fill(self, stat: Any, found: Attributes) -> None:
        mode, ino, size, blocks, mtime, uid, gid, names, rdev = found
        values = (
            *(mode, ino, names, uid, gid, size, blocks),
            os.makedev(*rdev) if rdev != (0, 0) else 0,
            *divmod(mtime, _NS),
        )
        self._struct.pack_into(stat, 0, *self._of(values))
