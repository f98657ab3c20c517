"""Following by single steps, so that what happens between two of them is no matter of luck."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.watched import Told
from vaultd.daemon.following import AT_ONCE, Following
from vaultd.daemon.scope import Scope, Standing, standing


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    (path / "a/b").mkdir(parents=True)
    return path


@pytest.fixture
def following(root: Path) -> Iterator[Following]:
    stands = standing(os.fsencode(root))
    assert isinstance(stands, Standing)
    made = Following(Scope(os.fsencode(root)), stands)
    made.begin()
    finish(made)
    yield made
    made.close()


def finish(following: Following) -> Told:
    """What is told until there is nothing left to do."""
    told = Told()
    following.step()
    told.changes += following.told()
    while following.busy:
        following.step()
        told.changes += following.told()
    return told


def test_what_changes_before_a_new_folder_is_watched_is_told_afterwards(
    root: Path, following: Following
) -> None:
    folders = [f"new/{number}" for number in range(3 * AT_ONCE)]
    for folder in folders:
        (root / folder).mkdir(parents=True)
    following.step()
    assert following.busy
    assert following.told()
    # A scan that goes by what was told until now may have been everywhere already.
    for folder in folders:
        (root / folder / "file").touch()
    told = finish(following)
    assert [folder for folder in folders if not told.covers(folder.encode())] == []


def test_a_folder_that_takes_the_name_of_another_before_either_is_seen(
    root: Path, following: Following
) -> None:
    (root / "c/d").mkdir(parents=True)
    (root / "a").rename(root / "between")
    (root / "c").rename(root / "a")
    (root / "between").rename(root / "c")
    finish(following)
    (root / "a/d/file").touch()
    (root / "c/b/file").touch()
    assert finish(following).dirty == {b"a/d": False, b"c/b": False}


def test_a_folder_above_is_renamed_while_one_below_is_due(root: Path, following: Following) -> None:
    for number in range(2 * AT_ONCE):
        (root / f"a/b/{number}").mkdir()
    following.step()
    (root / "a").rename(root / "moved")
    following.step()
    following.step()
    finish(following)
    (root / "moved/b/0/file").touch()
    (root / f"moved/b/{2 * AT_ONCE - 1}/file").touch()
    assert finish(following).dirty.keys() == {b"moved/b/0", b"moved/b/%d" % (2 * AT_ONCE - 1)}
    assert following.count == 2 * AT_ONCE + 3
