"""A folder that is filled without ever touching anything outside of it.

The folder is opened once. From there every step is one name relative to an open folder, and never follows a
symbolic link: whatever a vault says, and whoever swaps folders for links meanwhile, a step ends inside or
fails. Files are written aside, under a name that only this module makes, and renamed when they are whole.
"""

import ctypes
import errno
import os
import stat
from dataclasses import dataclass, field
from typing import Self

from vaultd.errors import NotAFolder, ReadOnly, TargetChanged
from vaultd.jobs.drafts import TEMPORARY

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Of a path 16,384 folders deep only the deepest stay open; most systems allow 1,024 files to a process.
_OPEN_FOLDERS = 64
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

    `before` holds the names that stood there when it was entered (none in a folder that was made in this
    run).
    """

    name: bytes
    fd: int
    device: int
    inode: int
    made: bool
    before: set[bytes] = field(default_factory=set)


class Target:
    """The folders from the target down to where the next file goes; a context manager that closes them
    all.
    """

    def __init__(self, path: bytes, *, make: bool = True) -> None:
        """Open `path`, after making it (not its parents) if it is missing and `make` says so. Here alone
        links are followed: the owner named this path. Raises NotAFolder, ReadOnly, OSError (FileNotFoundError
        without `make`).
        """
        made = make and _make_target(path)
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
    def depth(self) -> int:
        return len(self._levels) - 1

    def enter(self, name: bytes) -> Level:
        """Go down into a folder that is there. Raises OSError: NotADirectoryError where it is a link or a
        file.
        """
        return self._push(name, made=False)

    def make(self, name: bytes, mode: int = 0o700) -> Level:
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
        if (found.st_dev, found.st_ino) != (level.device, level.inode):
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


def _make_target(path: bytes) -> bool:
    try:
        os.mkdir(path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno == errno.EROFS:
            raise ReadOnly(os.fsdecode(path)) from error
        raise
    return True


def _level(name: bytes, fd: int, *, made: bool) -> Level:
    status = os.fstat(fd)
    before = set() if made else set(os.listdir(fd))
    return Level(name, fd, status.st_dev, status.st_ino, made, {os.fsencode(each) for each in before})


def sweep(level: Level) -> int:
    """Remove what an interrupted restore left in this folder: whatever has one of our own temporary names,
    links and FIFOs too, but no folder, since a draft never is one.
    """
    swept = 0
    for name in [name for name in level.before if TEMPORARY.fullmatch(name)]:
        status = status_of(level.fd, name)
        if status is not None and not stat.S_ISDIR(status.st_mode):
            os.unlink(name, dir_fd=level.fd)
            level.before.discard(name)
            swept += 1
    return swept
