"""Files written aside, under a name that only this module makes, until they are whole and get their own."""

import contextlib
import ctypes
import errno
import os
import re
import stat
from collections.abc import Callable

from vaultd.format.entry import BLOCK, CHAR, FIFO, FILE, LINK, SOCKET, Entry, device_numbers
from vaultd.tree.view import View

TEMPORARY = re.compile(rb"\.vaultd-restore-[0-9a-f]{16}\.tmp")
NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PLACE = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_NODES = {FIFO: stat.S_IFIFO, SOCKET: stat.S_IFSOCK, CHAR: stat.S_IFCHR, BLOCK: stat.S_IFBLK}
_NOREPLACE = 1
_libc = ctypes.CDLL(None, use_errno=True)


# Random names come many at a time: one question to the system costs as much as opening a file.
_NAMES_AT_ONCE = 256
_names: list[bytes] = []
os.register_at_fork(after_in_child=_names.clear)  # or parent and child would have the same ones


def temporary_name() -> bytes:
    """One that nobody else can foresee, and that never comes twice."""
    if not _names:
        random = os.urandom(8 * _NAMES_AT_ONCE).hex().encode()
        _names.extend(b".vaultd-restore-%s.tmp" % random[at : at + 16] for at in range(0, len(random), 16))
    return _names.pop()


class Draft:
    """Something new under a temporary name in an open folder, until `keep`; `close` removes it if it was
    not kept.

    A file is written through `fd`; of anything else that is only the place (O_PATH).
    """

    __slots__ = ("_folder", "_kept", "_temporary", "fd")

    def __init__(self, folder: int, temporary: bytes, fd: int) -> None:
        self._folder = folder
        self._temporary = temporary
        self._kept = False
        self.fd = fd

    def keep(self, name: bytes, *, replace: bool) -> bool:
        """Give the file its name. False, with nothing changed, where it is taken by what must not be
        replaced; no folder ever is. Raises OSError.
        """
        moved = move_within(self._folder, self._temporary, name, replace=replace)
        # A rename onto another name of the same file says that it is done, and does nothing.
        self._kept = moved and not replace
        return moved

    def close(self) -> None:
        """Let go. Only a name in this folder can be removed by this, whatever it stands for now."""
        os.close(self.fd)
        if not self._kept:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._temporary, dir_fd=self._folder)


def new_draft(view: View, entry: Entry, folder: int) -> Draft:
    """An empty file for its owner alone, or a link, FIFO, socket or device as the entry says.

    Raises OSError, and Missing or Damaged where a link's target cannot be read.
    """
    if entry.kind == FILE:
        temporary = temporary_name()
        return Draft(folder, temporary, os.open(temporary, NEW_FILE, 0o600, dir_fd=folder))
    if entry.kind == LINK:
        points_to = view.link(entry)
        return _place(folder, stat.S_IFLNK, lambda name: os.symlink(points_to, name, dir_fd=folder))
    kind = _NODES[entry.kind]
    device = os.makedev(*(device_numbers(entry) or (0, 0))) if entry.kind in (CHAR, BLOCK) else 0
    return _place(folder, kind, lambda name: os.mknod(name, kind | 0o600, device, dir_fd=folder))


def _place(folder: int, kind: int, make: Callable[[bytes], None]) -> Draft:
    temporary = temporary_name()
    make(temporary)
    fd = os.open(temporary, _PLACE, dir_fd=folder)
    status = os.fstat(fd)
    if stat.S_IFMT(status.st_mode) != kind or status.st_nlink != 1:
        # Somebody put something else there, maybe another name of a file elsewhere: it gets no owner and
        # mode from us.
        os.close(fd)
        raise FileExistsError(errno.EEXIST, "changed")
    return Draft(folder, temporary, fd)


def link_draft(fd: int, folder: int) -> Draft:
    """Another name for the very file that is open at `fd`. Raises OSError."""
    temporary = temporary_name()
    os.link(f"/proc/self/fd/{fd}", temporary, dst_dir_fd=folder, follow_symlinks=True)
    return Draft(folder, temporary, os.dup(fd))


def move_within(folder: int, old: bytes, new: bytes, *, replace: bool) -> bool:
    """Rename inside one open folder. False, with nothing changed, where `new` is taken and must not be
    replaced.

    A folder is never replaced. Raises OSError.
    """
    if replace:
        try:
            os.rename(old, new, src_dir_fd=folder, dst_dir_fd=folder)
        except (IsADirectoryError, FileExistsError):
            return False
        return True
    if _libc.renameat2(folder, old, folder, new, _NOREPLACE) == 0:
        return True
    number = ctypes.get_errno()
    if number == errno.EEXIST:
        return False
    if number in (errno.EINVAL, errno.ENOSYS):
        return _move_by_link(folder, old, new)
    raise OSError(number, os.strerror(number))


def _move_by_link(folder: int, old: bytes, new: bytes) -> bool:
    """For file systems that cannot rename without replacing; where they cannot link either, a look must
    do.
    """
    try:
        os.link(old, new, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        return False
    except OSError:
        if _is_taken(folder, new):
            return False
        os.rename(old, new, src_dir_fd=folder, dst_dir_fd=folder)
        return True
    os.unlink(old, dir_fd=folder)
    return True


def _is_taken(folder: int, name: bytes) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
