"""Whether two real folders are the same in everything that a restore promises."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BLOCK = 4096


@dataclass(frozen=True)
class Look:
    """All that is compared of one path; `first_name` is the first of all names of the file, and so tells its
    group; `data` where a file has no hole.
    """

    kind: int
    mode: int
    owner: tuple[int, int]
    mtime: int
    size: int
    device: int
    xattrs: tuple[tuple[str, bytes], ...]
    link: bytes
    first_name: bytes
    data: tuple[tuple[int, int], ...]


def looks(top: Path, *, root: bool = False) -> dict[bytes, Look]:
    """Every path below a folder, found without full paths, so that it may be as deep as it likes."""
    statuses: dict[bytes, os.stat_result] = {}
    found: dict[bytes, Look] = {}
    first_names: dict[int, bytes] = {}
    fd = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    for path, folder, name in _below(fd):
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        statuses[path] = status
        if not stat.S_ISDIR(status.st_mode):
            first_names[status.st_ino] = min(path, first_names.get(status.st_ino, path))
        found[path] = _look(folder, name, status)
    if root:
        found[b"."] = _look(fd, b".", os.fstat(fd))
    os.close(fd)
    return {
        path: look
        if stat.S_ISDIR(look.kind) or path == b"."
        else Look(**{**look.__dict__, "first_name": first_names[statuses[path].st_ino]})
        for path, look in found.items()
    }


def _below(top: int) -> Iterator[tuple[bytes, int, bytes]]:
    stack = [(b"", os.dup(top), iter(sorted(os.listdir(top))))]
    try:
        while stack:
            prefix, fd, names = stack[-1]
            text = next(names, None)
            if text is None:
                stack.pop()
                os.close(fd)
                continue
            name = os.fsencode(text)
            path = prefix + name
            yield path, fd, name
            if stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
                below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=fd)
                stack.append((path + b"/", below, iter(sorted(os.listdir(below)))))
    finally:
        for _, fd, _ in stack:
            os.close(fd)


def _look(folder: int, name: bytes, status: os.stat_result) -> Look:
    place = f"/proc/self/fd/{folder}/".encode() + name
    regular = stat.S_ISREG(status.st_mode)
    return Look(
        stat.S_IFMT(status.st_mode),
        stat.S_IMODE(status.st_mode),
        (status.st_uid, status.st_gid),
        status.st_mtime_ns,
        0 if stat.S_ISDIR(status.st_mode) else status.st_size,
        status.st_rdev,
        tuple((each, os.getxattr(place, each, follow_symlinks=False)) for each in _xattrs(place)),
        os.readlink(name, dir_fd=folder) if stat.S_ISLNK(status.st_mode) else b"",
        b"",
        _data(folder, name, status.st_size) if regular else (),
    )


def _xattrs(place: bytes) -> list[str]:
    names = os.listxattr(place, follow_symlinks=False)
    return sorted(name for name in names if not name.startswith(("security.", "trusted.")))


def _data(folder: int, name: bytes, size: int) -> tuple[tuple[int, int], ...]:
    """Offsets and hashes of the blocks that are not all zero, and how much is allocated at most."""
    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder)
    found = []
    try:
        start = 0
        while start < size:
            try:
                start = os.lseek(fd, start, os.SEEK_DATA)
            except OSError:
                break
            end = os.lseek(fd, start, os.SEEK_HOLE)
            while start < end:
                block = os.pread(fd, min(BLOCK - start % BLOCK, end - start), start)
                if block.strip(b"\0"):
                    found.append((start, hash(block)))
                start += len(block)
    finally:
        os.close(fd)
    return tuple(found)


def differences(a: Path, b: Path, *, root: bool = False) -> list[str]:
    """What is not the same, in words for whoever reads a failed test; empty if everything is."""
    left, right = looks(a, root=root), looks(b, root=root)
    wrong = [f"{path!r} only in one" for path in left.keys() ^ right.keys()]
    for path in sorted(left.keys() & right.keys()):
        for field, value in left[path].__dict__.items():
            if value != getattr(right[path], field):
                wrong.append(f"{path!r} {field}: {value!r:.200} and {getattr(right[path], field)!r:.200}")
    return wrong


def allocated(path: Path) -> int:
    """Bytes that a file takes on its disk."""
    return path.stat().st_blocks * 512
