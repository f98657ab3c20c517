"""Whatever happens in a source, and while the watch begins: no folder that changed is left untold."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.daemon.watched import (
    Told,
    count_of,
    inodes_of,
    inodes_watched,
    settled,
    told_since,
    until,
    watching,
)
from vaultd.daemon.changes import Why
from vaultd.daemon.watching import Watch
from vaultd.tree.patterns import Selection

ROUNDS = 3
EXCLUDE = ("b", "/a/c")
Look = dict[bytes, object]


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    path = tmp_path / "outside"
    path.mkdir()
    (path / "shared").touch()
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    for number in range(20):
        (path / f"a/{number}/x/y").mkdir(parents=True)
        (path / f"a/{number}/x/file").touch()
    return path


def storm(root: Path, outside: Path, seed: int, seconds: float) -> subprocess.Popen[bytes]:
    program = Path(__file__).with_name("storm.py")
    return subprocess.Popen([sys.executable, "-I", program, root, outside, str(seed), str(seconds)])


def look(root: Path, shared: int) -> Look:
    """What a scan would see in each folder, by its path."""
    top, seen = os.fsencode(root), Look()
    for path, folders, files in os.walk(top):
        here = [_stat(os.path.join(path, name), shared) for name in sorted(files)]
        # A subfolder shows in its own look; here it is a name and a folder.
        here += [(name, os.lstat(os.path.join(path, name)).st_ino) for name in sorted(folders)]
        seen[path[len(top) + 1 :]] = (_stat(path, shared), here)
    return seen


def _stat(path: bytes, shared: int) -> object:
    st = os.lstat(path)
    name = os.path.basename(path)
    if st.st_ino == shared:
        return name, st.st_ino
    return name, st.st_ino, st.st_mode, st.st_size, st.st_mtime_ns, st.st_ctime_ns


def changed(before: Look, after: Look) -> set[bytes]:
    """Folders that are new or different; one that is gone shows in the folder that it was in."""
    return {path for path, what in after.items() if before.get(path) != what}


def check_paths(root: Path, watch: Watch, told: Told) -> None:
    """Each folder answers to its own path."""
    top = os.fsencode(root)
    for path, _, _ in os.walk(top):
        before = len(told.changes)
        with open(os.path.join(path, b"asked"), "wb"):
            pass
        until(lambda start=before: len(told.changes) > start)  # type: ignore[misc]
        os.unlink(os.path.join(path, b"asked"))
    settled(root, watch, told)
    expected = {path[len(top) + 1 :] for path, _, _ in os.walk(top)}
    assert told_since(told) == expected


@pytest.mark.parametrize("number", range(2))
def test_every_folder_that_a_storm_changed_was_told(
    root: Path, outside: Path, seed: int, number: int
) -> None:
    shared = (outside / "shared").stat().st_ino
    with watching(root) as (watch, told):
        for turn in range(ROUNDS):
            told.changes.clear()
            before = look(root, shared)
            assert storm(root, outside, seed + 100 * number + turn, 0.4).wait() == 0
            settled(root, watch, told)
            after = look(root, shared)
            untold = {path for path in changed(before, after) if not told.covers(path)}
            assert changed(before, after)
            assert not untold or Why.OVERFLOW in told.lost
        until(lambda: inodes_watched() == inodes_of(root), "not watched: exactly what is there")
        assert count_of(watch) == len(inodes_of(root))
        settled(root, watch, told)
        told.changes.clear()
        check_paths(root, watch, told)


def test_a_watch_that_begins_in_a_storm(root: Path, outside: Path, seed: int) -> None:
    for turn in range(ROUNDS):
        process = storm(root, outside, seed + turn, 0.4)
        with watching(root) as (watch, told):
            assert process.wait() == 0
            until(lambda: inodes_watched() == inodes_of(root), "not watched: exactly what is there")
            settled(root, watch, told)
            told.changes.clear()
            check_paths(root, watch, told)


def test_patterns_in_a_storm(root: Path, outside: Path, seed: int) -> None:
    with watching(root, exclude=EXCLUDE) as (watch, told):
        for turn in range(ROUNDS):
            assert storm(root, outside, seed + turn, 0.4).wait() == 0
        settled(root, watch, told)
        until(lambda: inodes_watched() == _wanted(root), "not watched: exactly what is there")
        assert count_of(watch) == len(_wanted(root))


def _wanted(root: Path) -> set[int]:
    """The numbers of the folders that a scan would enter."""
    top, excludes = os.fsencode(root), Selection(exclude=EXCLUDE).excludes
    found = set()
    for path, folders, _ in os.walk(top):
        found.add(os.stat(path).st_ino)
        below = {name: os.path.join(path, name)[len(top) + 1 :] for name in folders}
        folders[:] = [name for name in folders if not excludes(below[name], folder=True)]
    return found
