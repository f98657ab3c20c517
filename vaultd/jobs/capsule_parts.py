"""A capsule in numbered parts, for disks and letters that hold only so much: a tar cut into pieces, with the
hash of each in a list that `b3sum --check` reads.
"""

import os
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from blake3 import blake3

from vaultd.copies import texts
from vaultd.errors import BadUsage, NotAsWritten
from vaultd.format.limits import KIND_TREE
from vaultd.jobs.outgoing import forget_cached, sync_tree

INSIDE, PART = "capsule", "capsule.tar.{:04}"
HOW_TO, MANIFEST = "HOW-TO.txt", "MANIFEST.txt"
SMALLEST = 1 << 20
# As many as four digits number: `cat` must put them in order by their names.
_MOST_PARTS = 9999
_PIECE = 1 << 20
_HASH_DIGITS = 64
_BLOCK = 512
_KIND = 8  # where a box says which kind it is


def refuse_split(size: int) -> None:
    """Raises BadUsage for parts that are too small to be of use."""
    if size < SMALLEST:
        raise BadUsage("split-small", str(size))


def split_into_parts(capsule: Path, folder: Path, size: int, stop: Callable[[], bool]) -> None:
    """Move a capsule into parts of at most `size` bytes in a new `folder`, each file leaving as it is
    written, and read the parts back. `stop` as everywhere. Raises BadUsage (too many parts), NotAsWritten,
    OSError.
    """
    refuse_split(size)
    held = sum(path.stat().st_size for path in _files(capsule))
    if held // size >= _MOST_PARTS:
        raise BadUsage("split-small", str(size))
    folder.mkdir()
    # Whole blocks of a tar, so that what comes after a lost part is found again.
    parts = _Parts(folder, size - size % _BLOCK)
    try:
        # "w|": written from its first byte to its last, so that it can go from part to part.
        with tarfile.open(fileobj=parts, mode="w|", format=tarfile.PAX_FORMAT, bufsize=_PIECE) as tar:  # type: ignore[call-overload]
            for path in _files(capsule):
                if stop():
                    raise KeyboardInterrupt
                _add(tar, path, f"{INSIDE}/{path.relative_to(capsule)}")
                path.unlink()
    finally:
        parts.close()
    hashes = parts.hashes
    hashes[HOW_TO] = _write(folder / HOW_TO, (texts.SOURCES / "parts.txt").read_bytes())
    lines = "".join(f"{hashes[name]}  {name}\n" for name in sorted(hashes))
    _write(folder / MANIFEST, lines.encode())
    sync_tree(folder)
    for name, digest in hashes.items():
        if stop():
            raise KeyboardInterrupt
        _read_back(folder / name, digest)


def _files(capsule: Path) -> list[Path]:
    """What says how to read it comes first, then keys, records and the packs of folders, without which
    nothing can be found: whoever loses a later part has lost no more than what lies in it.
    """
    paths = [path for path in capsule.rglob("*") if path.is_file()]
    return sorted(paths, key=lambda path: (_rank(path.relative_to(capsule), path), path))


def _rank(inside: Path, path: Path) -> int:
    if inside.parts[0] != "packs":
        return min(len(inside.parts), 2)
    with open(path, "rb") as file:
        kind = file.read(_KIND + 1)[_KIND:]
    return 3 if kind == bytes([KIND_TREE]) else 4


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    """Raises NotAsWritten where a file is not what its own name says."""
    with open(path, "rb") as file:
        info = tarfile.TarInfo(name)
        info.size, info.mode = os.fstat(file.fileno()).st_size, 0o644
        info.mtime = int(os.fstat(file.fileno()).st_mtime)
        reader = _Hashed(file)
        tar.addfile(info, reader)  # type: ignore[arg-type]  # it only reads
    digest = name[-_HASH_DIGITS:]
    if "/" not in digest and len(digest) == _HASH_DIGITS and reader.hash.hexdigest() != digest:
        raise NotAsWritten(os.fsencode(path), name.encode())


class _Hashed:
    """A file that is hashed as it is read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.hash = blake3()

    def read(self, length: int) -> bytes:
        data = self._file.read(length)
        self.hash.update(data)
        return data


class _Parts:
    """A file for writing that goes on in the next part where one is full; `hashes` of those that are done."""

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder
        self._size = size
        self._file: BinaryIO | None = None
        self._hash = blake3()
        self._left = 0
        self.hashes: dict[str, str] = {}

    def write(self, data: bytes) -> int:
        view = memoryview(data)
        while view:
            if not self._left:
                self._next()
            piece = view[: self._left]
            self._hash.update(piece)
            if self._file is not None:
                self._file.write(piece)
            self._left -= len(piece)
            view = view[len(piece) :]
        return len(data)

    def close(self) -> None:
        """End the last part. Twice is not an error."""
        if self._file is not None:
            name = os.path.basename(self._file.name)
            self._file.close()
            self._file = None
            self.hashes[name] = self._hash.hexdigest()

    def _next(self) -> None:
        self.close()
        path = self._folder / PART.format(len(self.hashes) + 1)
        self._file = open(path, "xb")  # noqa: SIM115 - closed by close()
        self._hash = blake3()
        self._left = self._size


def _write(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    return blake3(data).hexdigest()


def _read_back(path: Path, digest: str) -> None:
    found = blake3()
    with open(path, "rb") as file:
        forget_cached(file.fileno())
        for piece in _pieces(file):
            found.update(piece)
    if found.hexdigest() != digest:
        raise NotAsWritten(os.fsencode(path), b"")


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece
