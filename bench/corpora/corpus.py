"""What is saved: a tree that a seed makes, and what happens to it between two snapshots."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Corpus:
    """A tree of files.

    `write(root, scale)` makes it, the same for the same scale; `change(root)` changes one file, and
    `edit(root)` then makes the next generation. `one` is the path of a file in the tree that neither
    of them touches.
    """

    name: str
    write: Callable[[Path, float], None]
    change: Callable[[Path], None]
    edit: Callable[[Path], None]
    one: str


def nothing(_root: Path) -> None:
    """The edit of a corpus that has none."""
