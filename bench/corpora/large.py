"""Trees as large as they get: each for one part of `make bench SCALE=1`."""

import os
from pathlib import Path

from bench.corpora import small
from bench.corpora.corpus import Corpus, nothing
from bench.seeded import Folder, noise, scaled, settle

_MILLION = 10  # times the small corpus
_ENTRIES = 200_000
_LENGTH = 50 << 30
# Where there is data in the large file: 64 KiB at every 64 MiB, 50 MB in all.
_EVERY, _DATA = 64 << 20, 64 << 10
_DISK = "disk.img"


def _write_million(root: Path, scale: float) -> None:
    small.write(root, _MILLION * scale)


def _write_folder(root: Path, scale: float) -> None:
    folder = Folder(root / "all")
    for number in range(scaled(_ENTRIES, scale)):
        folder.write(f"{number:06}", (b"%d\n" % number,), number)
    settle(root)


def _add_entry(root: Path) -> None:
    Folder(root / "all").write("new", (b"new\n",), 1)


def _write_sparse(root: Path, scale: float) -> None:
    Folder(root).write("beside.txt", (b"beside it\n",), 1)
    with (root / _DISK).open("wb") as file:
        length = max(_EVERY, int(_LENGTH * scale))
        for start in range(0, length, _EVERY):
            file.seek(start)
            file.write(noise(f"sparse {start}", _DATA))
        file.truncate(length)
    settle(root)


def _change_sparse(root: Path) -> None:
    with (root / _DISK).open("r+b") as file:
        file.seek(os.path.getsize(root / _DISK) // 2)
        file.write(noise("changed", _DATA))


def _write_few(root: Path, _scale: float) -> None:
    small.write(root, 0.01)


MILLION = Corpus("million", _write_million, small.change, small.edit, small.SMALL.one)
FOLDER = Corpus("folder", _write_folder, _add_entry, nothing, one="all/000000")
SPARSE = Corpus("sparse", _write_sparse, _change_sparse, nothing, one="beside.txt")
BLOBS = Corpus("blobs", _write_few, small.change, small.edit, small.SMALL.one)
