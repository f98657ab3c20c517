"""Opening folders and files without following, waiting, or leaving a trace."""

import os
import stat

from vaultd.capture.unreadable import Unreadable, unreadable

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# O_NONBLOCK: a name that became a FIFO or a tape since it was listed must not make the open wait.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def _open_untouched(name: bytes, flags: int, folder: int | None) -> int:
    """Open without changing the access time, where the system lets this user do so."""
    try:
        return os.open(name, flags | os.O_NOATIME, dir_fd=folder)
    except PermissionError:
        return os.open(name, flags, dir_fd=folder)


def open_root(path: bytes) -> tuple[int, os.stat_result]:
    """Open a source's folder by its path: the only place where a path is used, or a link followed.

    Its descriptor and fstat. Raises Unreadable.
    """
    try:
        opened = _open_untouched(path, _FOLDER, None)
    except OSError as error:
        raise unreadable(error, "open") from error
    return opened, _stat_or_close(opened)


def open_folder(parent: int, name: bytes) -> tuple[int, os.stat_result]:
    """Open a folder inside an open folder; its descriptor and fstat. Never follows a link. Raises
    Unreadable.
    """
    try:
        opened = _open_untouched(name, _FOLDER | os.O_NOFOLLOW, parent)
    except OSError as error:
        raise unreadable(error, "open") from error
    return opened, _stat_or_close(opened)


def open_file(parent: int, name: bytes) -> int:
    """Open what was a regular file when its folder was listed. It may be something else by now: then only
    `stat_of_file` and reading at an offset, which a FIFO refuses, leave no trace. Raises Unreadable.
    """
    try:
        return _open_untouched(name, _FILE, parent)
    except OSError as error:
        raise unreadable(error, "open") from error


def stat_of_file(opened: int) -> os.stat_result:
    """fstat of an open regular file. Raises Unreadable; `gone` where it is none any more."""
    try:
        st = os.fstat(opened)
    except OSError as error:
        raise unreadable(error, "stat") from error
    if not stat.S_ISREG(st.st_mode):
        raise Unreadable("ENOENT", "open", gone=True)
    return st


def close(fd: int) -> None:
    """Let go of what was only read: that a network refuses to say goodbye changes nothing about the bytes."""
    try:
        os.close(fd)
    except OSError:
        return


def _stat_or_close(opened: int) -> os.stat_result:
    try:
        return os.fstat(opened)
    except OSError as error:
        close(opened)
        raise unreadable(error, "stat") from error
