"""A folder that is filled without ever touching anything outside of it.

The folder is opened once. From there every step is one name relative to an open folder, and never follows a
symbolic link: whatever a vault says, and whoever swaps folders for links meanwhile, a step ends inside or
fails. Files are written aside, under a name that only this module makes, and renamed when they are whole.
"""

import contextlib
import ctypes
import errno
import fcntl
import os
import stat
from dataclasses import dataclass
from typing import Self

from vaultd.errors import NotAFolder, TargetChanged, TargetReadOnly
from vaultd.jobs.aside import TEMPORARY

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Of a path 16,384 folders deep only the deepest stay open; most systems allow 1,024 files to a process.
_OPEN_FOLDERS = 64
# The mode of a folder that we make until it is finished: for its owner alone, and sticky, which has no use in
# such a folder and so marks it. The mark is there from the first instant on, and goes with the last step.
UNFINISHED = stat.S_ISVTX | stat.S_IRWXU
_libc = ctypes.CDLL(None, use_errno=True)


def sync(fd: int) -> None:
    """Put everything on the file system of `fd` on the medium; raises OSError where the medium refused."""
    if _libc.syncfs(fd) != 0:
        raise OSError(ctypes.get_errno(), "syncfs")


def status_of(folder: int, name: bytes) -> os.stat_result | None:
    """What stands under `name` in an open folder, links not followed; None where nothing does."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def open_existing(folder: int, name: bytes) -> int:
    """Open a file of the target for reading; never through a link, never waiting for a FIFO. Raises
    OSError.
    """
    return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)


@dataclass(slots=True)
class Level:
    """One folder on the way down: `fd` is -1 while it is closed to save descriptors.

    `status` is what it was when it was entered, before anything was done in it. `before` holds the names that
    stood there then (none in a folder that was made in this run) and that this run has not made its own.
    """

    name: bytes
    fd: int
    status: os.stat_result
    made: bool
    before: set[bytes]

    @property
    def identity(self) -> tuple[int, int]:
        """Device and inode."""
        return self.status.st_dev, self.status.st_ino

    def is_ours(self, mode: int) -> bool:
        """Whether this run, or an earlier one that did not get to giving it `mode`, has made this folder."""
        if self.made:
            return True
        marked = [UNFINISHED]
        # It may have got its access list, which brings the permissions. Where others may write the sticky bit
        # has a use, and marks nothing: so stands a folder that many share, such as /tmp.
        if not mode & (stat.S_ISVTX | stat.S_IWGRP | stat.S_IWOTH):
            marked.append(stat.S_ISVTX | mode & 0o777)
        # A folder below one whose group is inherited has that bit from the beginning.
        there = stat.S_IMODE(self.status.st_mode) & ~stat.S_ISGID
        return there in marked and os.geteuid() in (0, self.status.st_uid)


class Target:
    """The folders from the target down to where the next file goes; a context manager that closes them
    all.
    """

    def __init__(self, path: bytes, *, make: int | None = None) -> None:
        """Open `path`, after making it (not its parents) with the mode `make` if it is missing. Here alone
        links are followed: the owner named this path. Raises NotAFolder, TargetReadOnly, OSError
        (FileNotFoundError without `make`).
        """
        made = make is not None and _make_target(path, make)
        try:
            fd = os.open(path, _FOLDER & ~os.O_NOFOLLOW)
        except NotADirectoryError as error:
            raise NotAFolder(path) from error
        self.path = path
        self._levels = [_level(b"", fd, made=made)]
        self._lowest = 1  # the deepest stay open, from this level on, and so does the target itself

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for level in self._levels:
            if level.fd >= 0:
                os.close(level.fd)
                level.fd = -1

    @property
    def here(self) -> Level:
        return self._levels[-1]

    @property
    def is_mount(self) -> bool:
        """Whether another file system begins here."""
        return self.depth > 0 and self.here.status.st_dev != self._levels[-2].status.st_dev

    @property
    def depth(self) -> int:
        return len(self._levels) - 1

    def lock(self) -> bool:
        """Keep other restores out of this target until it is closed: they would take away what is unfinished
        here. False where one is at work; a file system without locks keeps nobody out.
        """
        try:
            fcntl.flock(self._levels[0].fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            pass
        return True

    def enter(self, name: bytes) -> Level:
        """Go down into a folder that is there. Raises OSError: NotADirectoryError where it is a link or a
        file.
        """
        return self._push(name, made=False)

    def make(self, name: bytes, mode: int) -> Level:
        """Make a folder and go down. Raises FileExistsError, OSError."""
        os.mkdir(name, mode, dir_fd=self.here.fd)
        return self._push(name, made=True)

    def leave(self) -> None:
        """Go back up. Raises TargetChanged where what is above is not the folder that we came from."""
        gone = self._levels.pop()
        try:
            if self.here.fd < 0:
                self._reopen(gone.fd)
        finally:
            os.close(gone.fd)

    def _push(self, name: bytes, *, made: bool) -> Level:
        try:
            fd = os.open(name, _FOLDER, dir_fd=self.here.fd)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from error
            raise
        self._levels.append(_level(name, fd, made=made))
        self._close_far()
        return self.here

    def _close_far(self) -> None:
        if len(self._levels) - self._lowest > _OPEN_FOLDERS:
            level = self._levels[self._lowest]
            os.close(level.fd)
            level.fd = -1
            self._lowest += 1

    def _reopen(self, below: int) -> None:
        level = self.here
        fd = os.open("..", _FOLDER, dir_fd=below)
        found = os.fstat(fd)
        if (found.st_dev, found.st_ino) != level.identity:
            os.close(fd)
            raise TargetChanged(self.path)
        level.fd = fd
        self._lowest -= 1

    def find(self, names: list[bytes]) -> int:
        """Descriptor (O_PATH) of what stands at these names from the target down, no link followed. Raises
        OSError.
        """
        fd = os.dup(self._levels[0].fd)
        for number, name in enumerate(names, 1):
            flags = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
            try:
                below = os.open(name, flags if number == len(names) else flags | os.O_DIRECTORY, dir_fd=fd)
            finally:
                os.close(fd)
            fd = below
        return fd

    def names(self) -> list[bytes]:
        """Names from the target down to here."""
        return [level.name for level in self._levels[1:]]


def _make_target(path: bytes, mode: int) -> bool:
    try:
        os.mkdir(path, mode)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno == errno.EROFS:
            raise TargetReadOnly(os.fsdecode(path)) from error
        raise
    return True


def _level(name: bytes, fd: int, *, made: bool) -> Level:
    status = os.fstat(fd)
    before = set() if made else set(os.listdir(fd))
    return Level(name, fd, status, made, {os.fsencode(each) for each in before})


def sweep(level: Level) -> int:
    """Remove what an interrupted restore left in this folder: whatever has one of our own temporary names,
    links and FIFOs too, but no folder, since a draft never is one.
    """
    swept = 0
    for name in [name for name in level.before if TEMPORARY.fullmatch(name)]:
        status = status_of(level.fd, name)
        if status is not None and not stat.S_ISDIR(status.st_mode):
            with contextlib.suppress(PermissionError):  # another user's, in a folder that all may write
                os.unlink(name, dir_fd=level.fd)
                level.before.discard(name)
                swept += 1
    return swept
