"""What the file system says of a file besides its stat: birth time, extended attributes, owners, link
targets.
"""

import ctypes
import errno
import os
import struct
from functools import lru_cache

from vaultd.capture.unreadable import Unreadable, unreadable

_KEPT = (b"user.", b"system.posix_acl_access", b"system.posix_acl_default")
_NONE_HERE = frozenset({errno.EOPNOTSUPP, errno.ENODATA, errno.ENOSYS})

# linux/stat.h: struct statx is 256 bytes; stx_mask u32 at 0, stx_btime at 80 as s64 seconds, u32 nanoseconds.
_STATX_BYTES, _BTIME_AT = 256, 80
_STATX_BTIME = 0x800
_AT_SYMLINK_NOFOLLOW, _AT_EMPTY_PATH = 0x100, 0x1000
_MASK, _TIME = struct.Struct("=I"), struct.Struct("=qI")


class Births:
    """Birth times by statx. One object for one thread."""

    def __init__(self) -> None:
        self._statx = getattr(ctypes.CDLL(None, use_errno=True), "statx", None)
        self._buffer = ctypes.create_string_buffer(_STATX_BYTES)
        if self._statx is not None:
            self._statx.argtypes = (
                ctypes.c_int,
                ctypes.c_char_p,
                ctypes.c_int,
                ctypes.c_uint,
                ctypes.c_void_p,
            )

    def of_open(self, fd: int) -> int | None:
        """When an open file was made, in ns; None where nobody knows."""
        return self._ask(fd, b"", _AT_EMPTY_PATH)

    def of_name(self, folder: int, name: bytes) -> int | None:
        """When what is at this name in an open folder was made, in ns, a link not followed; None where
        nobody knows.
        """
        return self._ask(folder, name, _AT_SYMLINK_NOFOLLOW)

    def _ask(self, fd: int, name: bytes, flags: int) -> int | None:
        if self._statx is None or self._statx(fd, name, flags, _STATX_BTIME, self._buffer) != 0:
            return None
        if not _MASK.unpack_from(self._buffer, 0)[0] & _STATX_BTIME:
            return None
        seconds, nanoseconds = _TIME.unpack_from(self._buffer, _BTIME_AT)
        return int(seconds) * 1_000_000_000 + int(nanoseconds)


def xattrs_of_open(fd: int) -> dict[bytes, bytes]:
    """The attributes of an open file or folder that are worth keeping: `user.*` and ACLs. Raises
    Unreadable.
    """
    return _xattrs(fd, follow=True)


def xattrs_of_name(folder: int, name: bytes) -> dict[bytes, bytes]:
    """The same of what must not be opened: a FIFO, socket or device. Raises Unreadable."""
    return _xattrs(b"/proc/self/fd/%d/%s" % (folder, name), follow=False)


def _xattrs(of: int | bytes, *, follow: bool) -> dict[bytes, bytes]:
    try:
        names = os.listxattr(of, follow_symlinks=follow)
    except OSError as error:
        if error.errno in _NONE_HERE:
            return {}
        raise unreadable(error, "xattr") from error
    if not names:
        return {}
    found = {}
    for name in sorted(map(os.fsencode, names)):
        value = _value(of, name, follow=follow) if name.startswith(_KEPT) else None
        if value is not None:
            found[name] = value
    return found


def _value(of: int | bytes, name: bytes, *, follow: bool) -> bytes | None:
    """None where it was removed since it was listed."""
    try:
        return os.getxattr(of, name, follow_symlinks=follow)
    except OSError as error:
        if error.errno in _NONE_HERE:
            return None
        raise unreadable(error, "xattr") from error


def link_target(folder: int, name: bytes) -> bytes:
    """Where a symbolic link points. Raises Unreadable; `gone` where it is no link any more."""
    try:
        return os.readlink(name, dir_fd=folder)
    except OSError as error:
        if error.errno == errno.EINVAL:
            raise Unreadable("ENOENT", "link", gone=True) from error
        raise unreadable(error, "link") from error


@lru_cache(maxsize=4096)
def owner_names(uid: int, gid: int) -> tuple[str, str]:
    """The names of a user and a group, "" where this system has none; asked once each."""
    import grp
    import pwd

    try:
        user = pwd.getpwuid(uid).pw_name
    except (KeyError, OSError):
        user = ""
    try:
        group = grp.getgrgid(gid).gr_name
    except (KeyError, OSError):
        group = ""
    return user, group
