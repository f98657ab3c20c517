"""Folders and files relative to an open descriptor, never through a symbolic link.

Everything here raises plain OSError; what an error means is for `directory` to say.
"""

import errno
import os
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from vaultd.copies.pace import Pace

OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: a FIFO in the place of a file must not hold us up before fstat has told what it is.
_OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_OPEN_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# What SMB and some user-space file systems answer to the fsync of a folder, meaning "no such thing here".
_NO_FOLDER_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.ENOENT})
_NO_RENAMEAT2 = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP})
_NO_LINKS = frozenset({errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EMLINK, errno.EINVAL})
_RENAME_NOREPLACE = 1


class Handle:
    """An open descriptor, closed when its last holder lets go.

    So a thread never works on a number that another thread has closed and the system has given to
    something else. `size` is the length in bytes when a file was opened.
    """

    __slots__ = ("fd", "size")

    def __init__(self, fd: int, size: int = 0) -> None:
        self.fd = fd
        self.size = size

    def __del__(self) -> None:
        with suppress(OSError):  # only descriptors that were read from end here: nothing is left to lose
            os.close(self.fd)


class Unsynced(OSError):
    """fsync or close failed: the kernel may have dropped the bytes, and call the next fsync a success."""


class FolderUnsynced(OSError):
    """The same of a folder, of which no new one can be written: nothing in it is certain any more."""


def open_folder(root: Handle, path: str) -> Handle:
    """The folder `path` ("" is `root` itself), opened part by part: O_NOFOLLOW guards the last part only."""
    here = root
    for part in path.split("/") if path else ():
        here = Handle(os.open(part, OPEN_FOLDER, dir_fd=here.fd))
    return here


def make_folder(root: Handle, path: str) -> Handle:
    """Open the folder `path`, made where it is not there, and durable either way.

    Whoever made it before may have died before the fsync of its parent.
    """
    here = root
    for part in path.split("/") if path else ():
        with suppress(FileExistsError):
            os.mkdir(part, 0o700, dir_fd=here.fd)
        below = Handle(os.open(part, OPEN_FOLDER, dir_fd=here.fd))
        sync_folder(here)
        here = below
    return here


def sync_folder(folder: Handle) -> None:
    try:
        os.fsync(folder.fd)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise FolderUnsynced(error.errno, error.strerror) from error


def open_file(folder: Handle, leaf: str) -> tuple[Handle, os.stat_result]:
    """Open whatever stands at `leaf` for reading. A symbolic link is ELOOP, a socket ENXIO."""
    file = Handle(os.open(leaf, _OPEN_FILE, dir_fd=folder.fd))
    status = os.fstat(file.fd)
    file.size = status.st_size
    return file, status


def read_range(file: Handle, offset: int, length: int | None) -> bytes:
    """Up to `length` bytes from `offset` (negative: from the end); short only at the end of the file."""
    start = max(0, file.size + offset) if offset < 0 else offset
    wanted = file.size - start if length is None else min(length, file.size - start)
    if wanted <= 0:
        return b""
    data = os.pread(file.fd, wanted, start)
    if len(data) == wanted:
        return data
    parts = [data]
    while data and (missing := wanted - sum(map(len, parts))):
        data = os.pread(file.fd, missing, start + wanted - missing)
        parts.append(data)
    return b"".join(parts)


def read_into(file: Handle, offset: int, out: memoryview) -> int:
    """The bytes from `offset` into `out`, and how many; fewer than it holds only at the end of the file."""
    done = 0
    while done < len(out) and (more := os.preadv(file.fd, [out[done:]], offset + done)):
        done += more
    return done


def write_new(folder: Handle, leaf: str, data: memoryview, pace: "Pace | None" = None) -> None:
    """Write a file that is not there yet, whole and durable; where this raises, it is not there after either.
    With a `pace` no faster than that.

    Raises Unsynced where the bytes may not have reached the medium. The mode is 0600 from the start:
    chmod is refused by many network file systems.
    """
    fd = os.open(leaf, _OPEN_NEW, 0o600, dir_fd=folder.fd)
    try:
        try:
            for part in pace.parts(data) if pace is not None else (data,):
                _write_all(fd, part)
            _sync(os.fsync, fd)
            if os.fstat(fd).st_size != len(data):
                raise Unsynced(errno.EIO, "length")
        except BaseException:
            os.close(fd)
            raise
        # NFS reports at close what it could not write; Linux has let go of the number all the same.
        _sync(os.close, fd)
    except BaseException:
        discard(folder, leaf)
        raise


def discard(folder: Handle, leaf: str) -> None:
    """Unlink an unfinished write, if that can be done; otherwise the next sweep does it."""
    with suppress(OSError):
        os.unlink(leaf, dir_fd=folder.fd)


def rename_new(source: Handle, old: str, target: Handle, new: str) -> None:
    """Rename without overwriting. Raises FileExistsError where something stands at `new`.

    A file system that knows neither RENAME_NOREPLACE nor hard links leaves an instant between look and
    rename; whoever slips in there has written a file of the same name, so of the same bytes.
    """
    if _rename_noreplace(source, old, target, new):
        return
    try:
        os.link(old, new, src_dir_fd=source.fd, dst_dir_fd=target.fd, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if exists(target, new):
            raise FileExistsError(errno.EEXIST, new) from None
        os.rename(old, new, src_dir_fd=source.fd, dst_dir_fd=target.fd)
    else:
        os.unlink(old, dir_fd=source.fd)


def exists(folder: Handle, leaf: str) -> bool:
    """Whether anything, a dangling link included, stands at `leaf`."""
    try:
        os.stat(leaf, dir_fd=folder.fd, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def entries(root: Handle, path: str) -> list[tuple[str, os.stat_result]]:
    """What stands in the folder `path`, links not followed; nothing where the folder is not there.

    Read to its end at once: whoever takes the names one by one must not hold a half-read folder open.
    """
    try:
        parent = open_folder(root, path)
        # Opened anew even for `root`: descriptors that share a position would share one listing.
        folder = Handle(os.open(".", OPEN_FOLDER, dir_fd=parent.fd))
    except FileNotFoundError:
        return []
    found = []
    with os.scandir(folder.fd) as listing:
        for entry in listing:
            with suppress(FileNotFoundError):  # removed since the folder was read
                found.append((entry.name, entry.stat(follow_symlinks=False)))
    return found


def _write_all(fd: int, data: memoryview) -> None:
    done = 0
    while done < len(data):
        done += os.write(fd, data[done:] if done else data)


def _sync(call: "Callable[[int], None]", fd: int) -> None:
    try:
        call(fd)
    except OSError as error:
        raise Unsynced(error.errno, error.strerror) from error


def _rename_noreplace(source: Handle, old: str, target: Handle, new: str) -> bool:
    """False where the system or the file system does not know renameat2's RENAME_NOREPLACE."""
    call = _renameat2()
    if call is None:
        return False
    while (code := call(source.fd, os.fsencode(old), target.fd, os.fsencode(new))) == errno.EINTR:
        pass
    if code and code not in _NO_RENAMEAT2:
        raise OSError(code, os.strerror(code), old)
    return not code


@cache
def _renameat2() -> "Callable[[int, bytes, int, bytes], int] | None":
    import ctypes

    try:
        function = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:
        return None
    function.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)

    def call(source: int, old: bytes, target: int, new: bytes) -> int:
        failed: int = function(source, old, target, new, _RENAME_NOREPLACE)
        return ctypes.get_errno() if failed else 0

    return call
