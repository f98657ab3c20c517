"""Small files, and very many of them: 100,000 in 1,000 folders at scale 1, with a median of 700 bytes.

Two in three are text. The next generation: one file in a hundred is longer, as many are new, one in a
hundred folders gets another name.
"""

import os
import random
from collections.abc import Iterator
from pathlib import Path

from bench.corpora.corpus import Corpus
from bench.seeded import Folder, noise, numbers, prose, scaled, settle, spread

_FILES = 100_000
_IN_FOLDER = 100
_MOST = 64 << 10


def write(root: Path, scale: float) -> None:
    dice = numbers("small")
    count = scaled(_FILES, scale)
    # The pieces of one long stream: a stream for each file would take longer than its writing.
    stream = noise("small", 16 << 20)
    for first in range(0, count, _IN_FOLDER):
        folder = Folder(root / _folder(first // _IN_FOLDER))
        for number in range(first, min(first + _IN_FOLDER, count)):
            folder.write(_name(number), _content(dice, stream, number), number)
    settle(root)


def _folder(number: int) -> str:
    return f"{number // 100:02}/{number % 100:02}"


def _name(number: int) -> str:
    return f"note-{number:07}.txt"


def _content(dice: random.Random, stream: bytes, number: int) -> tuple[bytes, bytes]:
    size = spread(dice, 700, 1.1, _MOST)
    mark = b"%d\n" % number  # no two are the same
    if number % 3:
        return mark, prose(dice, size)
    start = dice.randrange(len(stream) - size)
    return mark, stream[start : start + size]


def change(root: Path) -> None:
    _append(root / _folder(0) / _name(1))


def edit(root: Path) -> None:
    folders = sorted(_folders(root))
    for number, folder in enumerate(folders):
        names = sorted(os.listdir(folder))
        _append(folder / names[-1])
        Folder(folder).write("new.txt", (b"%d new\n" % number,), number)
    for folder in folders[1::100]:
        os.rename(folder, folder.with_name(f"{folder.name}-renamed"))


def _folders(root: Path) -> Iterator[Path]:
    for outer in root.iterdir():
        yield from outer.iterdir()


def _append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"and one line more\n")


SMALL = Corpus("small", write, change, edit, one=f"{_folder(0)}/{_name(0)}")
