"""Files, links and the like, made aside under a temporary name until they are whole and get their own."""

import contextlib
import errno
import os
import stat
from collections.abc import Callable

from vaultd.format.entry import BLOCK, CHAR, FIFO, FILE, LINK, SOCKET, Entry, device_numbers
from vaultd.jobs.aside import NEW_FILE, move_within, temporary_name
from vaultd.tree.view import View

_PLACE = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_NODES = {FIFO: stat.S_IFIFO, SOCKET: stat.S_IFSOCK, CHAR: stat.S_IFCHR, BLOCK: stat.S_IFBLK}


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
