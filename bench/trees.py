"""Trees on a disk: made once and kept, counted, warmed."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from bench.corpora.corpus import Corpus

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Shape:
    """How many there are of each, and the length of all files together."""

    files: int
    folders: int
    bytes: int


def shape(root: Path) -> Shape:
    files = folders = length = 0
    for place, below, names in os.walk(root):
        folders += len(below)
        files += len(names)
        length += sum(os.lstat(os.path.join(place, name)).st_size for name in names)
    return Shape(files, folders, length)


def kept(corpus: Corpus, scale: float, cache: Path) -> Path:
    """The corpus as it is before any edit. Made where it is not yet in the cache; must not be changed."""
    tree = cache / f"{corpus.name}-{scale:g}-{_edition()}"
    if tree.is_dir():
        return tree
    cache.mkdir(parents=True, exist_ok=True)
    for old in cache.glob(f"{corpus.name}-{scale:g}-*"):
        shutil.rmtree(old)
    unfinished = cache / f"{tree.name}.unfinished"
    corpus.write(unfinished, scale)
    return unfinished.rename(tree)


def _edition() -> str:
    """Another one whenever the generators are other ones."""
    here = Path(__file__).parent
    sources = [here / "seeded.py", *sorted((here / "corpora").glob("*.py"))]
    return blake3(b"\0".join(path.read_bytes() for path in sources)).hexdigest()[:12]


def duplicate(tree: Path, to: Path) -> None:
    subprocess.run(["cp", "-a", tree, to], check=True)


def remove(tree: Path) -> None:
    """Whatever is there, a tree, a file or nothing."""
    subprocess.run(["rm", "-rf", tree], check=True)


@contextlib.contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """A new folder below this one, which is gone afterwards with all that is in it."""
    work = Path(tempfile.mkdtemp(prefix="vaultd-bench.", dir=folder))
    try:
        yield work
    finally:
        remove(work)


def warm(root: Path) -> None:
    """Read every file once, so that the page cache holds what it can of each, for whoever comes next."""
    buffer = bytearray(_PIECE)
    for path in _files(root):
        with open(path, "rb", buffering=0) as file:
            while file.readinto(buffer):
                pass


def _files(root: Path) -> Iterator[str]:
    for place, _, names in os.walk(root):
        yield from (os.path.join(place, name) for name in names)
