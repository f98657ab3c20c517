"""What leaves the vault is written aside, and gets its name when all of it was read back.

Whatever ends a run before that leaves nothing under the name that was asked for; a process that is killed
leaves a hidden folder beside it, whose name says that it is unfinished.
"""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from vaultd.errors import BadUsage, ExportFull, Full, NotAFolder
from vaultd.jobs.aside import move_within
from vaultd.jobs.scratch import remove

_FULL = (errno.ENOSPC, errno.EDQUOT)
# What is left of a name of 255 bytes beside the words around it.
_LONGEST = 200
WHOLE = "whole"


def refuse_taken(target: Path, *, folder: bool) -> None:
    """Raises BadUsage where something stands at `target`, but for an empty folder where one is to be made;
    NotAFolder where there is nothing that it could stand in.
    """
    if not target.parent.is_dir():
        raise NotAFolder(os.fsencode(target.parent))
    if not os.path.lexists(target):
        return
    if not (folder and target.is_dir() and not target.is_symlink() and not any(target.iterdir())):
        raise BadUsage("export-taken", os.fsencode(target).decode(errors="backslashreplace"))


@contextlib.contextmanager
def written_aside(target: Path, *, folder: bool) -> Iterator[Path]:
    """A folder beside `target`, for its owner only. What is called `WHOLE` in it at the end becomes `target`;
    everything else is removed, and all of it where the `with` is left by an exception.

    Nothing is ever replaced. Raises BadUsage, NotAFolder, ExportFull, OSError.
    """
    refuse_taken(target, folder=folder)
    name = os.fsdecode(os.fsencode(target.name)[:_LONGEST])
    aside = target.parent / f".{name}.vaultd-export-{os.urandom(8).hex()}.tmp"
    with _full_told(target):
        aside.mkdir(mode=0o700)
        try:
            yield aside
            _take_name(aside / WHOLE, target, folder=folder)
        finally:
            with contextlib.suppress(OSError):
                remove(aside)
        _sync_folder(target.parent)


def sync_tree(top: Path) -> None:
    """Give a file, or a folder and everything in it, to the medium. Raises OSError."""
    if not top.is_dir():
        _sync(top, os.O_RDONLY)
        return
    for folder, _, files in os.walk(top):
        for file in files:
            _sync(Path(folder, file), os.O_RDONLY)
        _sync_folder(Path(folder))


def forget_cached(fd: int) -> None:
    """Have what is read next come from the medium, as far as the system does so."""
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)


def _take_name(whole: Path, target: Path, *, folder: bool) -> None:
    if folder:
        try:
            os.rename(whole, target)  # takes the place of an empty folder, and of nothing else
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                refuse_taken(target, folder=True)
            raise
        return
    above = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        old = os.fsencode(whole.relative_to(target.parent))
        if not move_within(above, old, os.fsencode(target.name), replace=False):
            refuse_taken(target, folder=False)
    finally:
        os.close(above)


@contextlib.contextmanager
def _full_told(target: Path) -> Iterator[None]:
    place = os.fsencode(target).decode(errors="backslashreplace")
    try:
        yield
    except Full as error:  # of a capsule: nothing else is written meanwhile
        raise ExportFull(place) from error
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise ExportFull(place) from error


def _sync_folder(path: Path) -> None:
    # Some file systems of cameras and sticks cannot sync a folder, and say so.
    with contextlib.suppress(OSError):
        _sync(path, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    fd = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
