"""Names for files that are written aside, until they are whole and get their own.

Imports little: a second process begins with it (`scribe`).
"""

import ctypes
import errno
import os
import re

TEMPORARY = re.compile(rb"\.vaultd-restore-[0-9a-f]{16}\.tmp")
NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
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


def write_all(fd: int, data: memoryview, offset: int) -> None:
    """Write at `offset` until everything is written. Raises OSError."""
    while data:
        done = os.pwrite(fd, data, offset)
        data, offset = data[done:], offset + done
