"""The trees that are saved: one for each corpus and place, used by all peers and in all rounds.

A program that skips what did not change must not trust a change of the last minute: another write could
carry the same time. Files of a person are older than that. So a tree is left alone for a minute after it was
made, and what was edited is put back after each round.
"""

import contextlib
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from bench import trees
from bench.tasks import Task

# A little more than the longest that any of the programs waits.
AGE = 61.0


@dataclass(slots=True)
class _Source:
    tree: Path
    touched: float = field(default_factory=time.monotonic)


class Sources:
    """What was made so far. `age` is how many seconds a tree is left alone before it is first saved."""

    def __init__(self, cache: Path, age: float = AGE) -> None:
        self._cache = cache
        self._age = age
        self._made: dict[tuple[str, str], _Source] = {}
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def prepare(self, tasks: Iterable[Task]) -> list[Path]:
        """Make the trees of these tasks now, so that they grow old together, and say where they are."""
        return list(dict.fromkeys(self._source(task).tree for task in tasks))

    def wait(self, task: Task) -> float:
        """For how many seconds `lend` would leave the tree of a task alone."""
        return max(0, self._source(task).touched + self._age - time.monotonic())

    @contextlib.contextmanager
    def lend(self, task: Task) -> Iterator[Path]:
        """The tree of a task, as it was made and old enough. It may be edited, and is put back."""
        source = self._source(task)
        time.sleep(self.wait(task))
        yield source.tree
        if task.kept:
            _put_back(self._kept(task), source.tree)
            source.touched = time.monotonic()

    def _source(self, task: Task) -> _Source:
        key = (task.corpus.name, task.place.name)
        if key not in self._made:
            folder = self._stack.enter_context(trees.scratch(task.place.folder))
            self._made[key] = self._make(task, folder / "source")
        return self._made[key]

    def _make(self, task: Task, tree: Path) -> _Source:
        if task.kept:
            trees.duplicate(self._kept(task), tree)
        else:
            task.corpus.write(tree, task.scale)
        return _Source(tree)

    def _kept(self, task: Task) -> Path:
        return trees.kept(task.corpus, task.scale, self._cache)


def _put_back(original: Path, tree: Path) -> None:
    """Make a tree what its original is. Times tell: whatever was edited since has a later one."""
    for path, relative in list(_below(tree)):
        if not os.path.lexists(original / relative):
            trees.remove(path)
    for path, relative in _below(original):
        _put_one_back(path, tree / relative)
    for path, relative in _below(original):
        if path.is_dir():
            shutil.copystat(path, tree / relative)
    shutil.copystat(original, tree)


def _put_one_back(original: Path, path: Path) -> None:
    if original.is_dir():
        path.mkdir(exist_ok=True)
    elif not path.exists() or _look(path) != _look(original):
        shutil.copy2(original, path)


def _look(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_size, status.st_mtime_ns


def _below(root: Path) -> Iterator[tuple[Path, Path]]:
    """Everything in a tree, folders before what is in them, each with its path from the root."""
    for place, folders, names in os.walk(root):
        for name in folders + names:
            path = Path(place, name)
            yield path, path.relative_to(root)
