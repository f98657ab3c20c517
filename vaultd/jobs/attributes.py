"""Give a new file or folder what its entry says besides content: owner, mode, attributes, times.

Everything goes through an open descriptor, never through a name that somebody could swap meanwhile.
"""

import errno
import os
import stat
from collections.abc import Callable
from functools import cache, partial

from vaultd.errors import Damaged, Missing
from vaultd.format.entry import FILE, FOLDER, LINK, Entry
from vaultd.tree.view import View

_ACLS = (b"system.posix_acl_access", b"system.posix_acl_default")
_UNSUPPORTED = (errno.ENOTSUP, errno.EPERM, errno.EACCES, errno.EINVAL, errno.ENOSYS)
SET_ID_BITS = stat.S_ISUID | stat.S_ISGID
# What could not be given, as words the catalogue has sentences for.
OWNER, ATTRIBUTES, MODE, TIMES, SET_ID = "owner", "attributes", "mode", "times", "set-id"


class Attributes:
    """Sets attributes; what a file system or a user may not have is noted once for each kind, with a first
    path.

    `special` allows set-uid and set-gid bits of files and attributes that give rights (security.*,
    trusted.*);
    `numeric` takes owners by number even where the entry knows their names. Owners are set by root only.
    """

    def __init__(
        self, view: View, *, special: bool, numeric: bool, note: Callable[[str, bytes], None]
    ) -> None:
        self._view = view
        self._special = special
        self._numeric = numeric
        self._note = note
        self._root = os.geteuid() == 0

    def apply(self, fd: int, entry: Entry, path: bytes, *, by_link: bool = False) -> None:
        """Set everything on an open file or folder; `by_link` for a descriptor that is only a place (O_PATH).

        Raises Missing, Damaged where an attribute's value cannot be read; the rest is set all the same.
        """
        place: int | str = f"/proc/self/fd/{fd}" if by_link else fd
        owner = self.owner(entry)
        if owner is not None:
            self._try(OWNER, path, lambda: os.chown(place, *owner))
        try:
            if "xattr" in entry.extra:  # before the mode, which may forbid it
                self._set_attributes(place, entry, path)
        finally:
            if entry.kind == FOLDER:  # its mode says that everything else was done
                self.set_time(place, entry.mtime, path)
            if entry.kind != LINK:
                mode = self._mode(entry, path)
                self._try(MODE, path, lambda: os.chmod(place, mode))
            if entry.kind != FOLDER:
                self.set_time(place, entry.mtime, path)

    def set_time(self, place: int | str, mtime: int, path: bytes) -> None:
        """Set the times alone, in ns."""
        self._try(TIMES, path, lambda: os.utime(place, ns=(mtime, mtime)))

    def _try(self, kind: str, path: bytes, act: Callable[[], None]) -> None:
        try:
            act()
        except (PermissionError, OverflowError):
            self._note(kind, path)
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
            self._note(kind, path)

    def _mode(self, entry: Entry, path: bytes) -> int:
        if entry.kind == FILE and entry.mode & SET_ID_BITS and not self._special:
            self._note(SET_ID, path)
            return entry.mode & ~SET_ID_BITS
        return entry.mode

    def owner(self, entry: Entry) -> tuple[int, int] | None:
        """User and group to give it to; None where this user may give nothing away."""
        if not self._root:
            return None
        names = entry.extra.get("owner")
        if self._numeric or not names:
            return entry.uid, entry.gid
        uid, gid = _uid(names[0]), _gid(names[1])
        return (entry.uid if uid is None else uid), (entry.gid if gid is None else gid)

    def _set_attributes(self, place: int | str, entry: Entry, path: bytes) -> None:
        failed: Missing | Damaged | None = None
        for name, value in entry.extra["xattr"].items():
            if not self._allowed(name):
                self._note(ATTRIBUTES, path)
                continue
            try:
                plain = self._view.value(value)
            except (Missing, Damaged) as error:
                failed = error
                continue
            self._try(ATTRIBUTES, path, partial(os.setxattr, place, name, plain))
        if failed is not None:
            raise failed

    def _allowed(self, name: bytes) -> bool:
        return self._special or name.startswith(b"user.") or name in _ACLS


@cache
def _uid(name: str) -> int | None:
    import pwd

    try:
        return pwd.getpwnam(name).pw_uid if name else None
    except KeyError:
        return None


@cache
def _gid(name: str) -> int | None:
    import grp

    try:
        return grp.getgrnam(name).gr_gid if name else None
    except KeyError:
        return None
