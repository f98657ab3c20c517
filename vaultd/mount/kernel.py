"""The words that the kernel and a file system say to each other over /dev/fuse: linux/fuse.h, version 7.

Numbers are in the order of bytes of this machine, with no room between them but what is written here.
"""

from enum import IntEnum
from struct import Struct

from vaultd.browse.node import BLOCK, Attributes

MAJOR, MINOR = 7, 31
# lseek came with it (Linux 4.5).
LEAST_MINOR = 24
# A request: how long all of it is, what, its number, of which file, of whom (uid, gid, pid).
REQUEST = Struct("=IIQQIII4x")
# An answer: how long all of it is, an error below zero, the number of the request.
ANSWER = Struct("=IiQ")


class Op(IntEnum):
    LOOKUP = 1
    FORGET = 2
    GETATTR = 3
    READLINK = 5
    OPEN = 14
    READ = 15
    STATFS = 17
    RELEASE = 18
    GETXATTR = 22
    LISTXATTR = 23
    INIT = 26
    OPENDIR = 27
    READDIR = 28
    RELEASEDIR = 29
    DESTROY = 38
    BATCH_FORGET = 42
    READDIRPLUS = 44
    LSEEK = 46


# version, how far to read ahead, what it can do
ASKED = Struct("=IIII")
# The same of ours, requests behind (and when they are too many), bytes of a write, ns of the finest time
AGREED = Struct("=IIIIHHII32x")
ASYNC_READ, DO_READDIRPLUS, READDIRPLUS_AUTO, PARALLEL_DIROPS = 1, 1 << 13, 1 << 14, 1 << 18
WANTED = ASYNC_READ | DO_READDIRPLUS | READDIRPLUS_AUTO | PARALLEL_DIROPS
MOST_WRITE = 4096

FORGOTTEN = Struct("=Q")
MANY_FORGOTTEN = Struct("=I4x")
ONE_FORGOTTEN = Struct("=QQ")
OPENED = Struct("=QI4x")
KEEP_CACHE, CACHE_DIR, NO_FLUSH = 1 << 1, 1 << 3, 1 << 5
FLAGS = Struct("=I")
# handle, offset, length
READ = Struct("=QQI")
HANDLE = Struct("=Q")
SEEK = Struct("=QQI")
PLACE = Struct("=Q")
SPACE = Struct("=QQQQQIII28x")
# how much room there is for the value
XATTR = Struct("=I4x")

# ino, size, blocks, three times in s, the same in ns, mode, names, uid, gid, rdev, size of a block, flags
_ATTRIBUTES = "QQQqqqIIIIIIIIII"
# node, generation, for how many seconds its name and its attributes hold, and ns of both
_ENTRY = "QQQQII" + _ATTRIBUTES
# ino, offset, length of the name, kind; the name follows, to a multiple of eight bytes
_NAME = "QQII"
ENTRY, NAME, ENTRY_NAME = Struct("=" + _ENTRY), Struct("=" + _NAME), Struct("=" + _ENTRY + _NAME)
STATUS = Struct("=QII" + _ATTRIBUTES)
ABSENT = Struct("=QQQQII" + f"{Struct('=' + _ATTRIBUTES).size}x")
PADDING = tuple(bytes(-length % 8) for length in range(8))

# Told without having been asked: what it is stands in place of the error.
IS_OTHER, IS_OTHER_NAME = 2, 3
OTHER = Struct("=Qqq")
OTHER_NAME = Struct("=QI4x")

_NS = 1_000_000_000
# Who owns what has an owner that no system can have.
_MOST_OWNER, _NOBODY = (1 << 32) - 1, 65_534


def status(found: Attributes) -> tuple[int, ...]:
    """As `_ATTRIBUTES` has them."""
    mode, ino, size, blocks, mtime, uid, gid, names, rdev = found
    s, ns = divmod(mtime, _NS)
    device = _device(*rdev) if rdev != (0, 0) else 0
    if not (0 <= uid < _MOST_OWNER and 0 <= gid < _MOST_OWNER):
        uid = gid = _NOBODY
    return (ino, size, blocks, s, s, s, ns, ns, ns, mode, names, uid, gid, device, BLOCK, 0)


def _device(major: int, minor: int) -> int:
    """As the kernel packs it: 12 bits and 20; none where they are more."""
    if major >> 12 or minor >> 20:
        return 0
    return minor & 0xFF | major << 8 | minor >> 8 << 20
