"""What the file system says of a file besides its stat: extended attributes, owners, link targets."""

import errno
import os
from functools import lru_cache

from vaultd.capture.unreadable import Unreadable, unreadable

_KEPT = (b"user.", b"system.posix_acl_access", b"system.posix_acl_default")
_NONE_HERE = frozenset({errno.EOPNOTSUPP, errno.ENODATA, errno.ENOSYS})


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
