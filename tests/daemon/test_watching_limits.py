"""Where the system forgets, refuses, or has very much to tell."""

import os
import shutil
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
from vaultd.daemon.inotify import limit

REPOSITORY = Path(__file__).parent.parent.parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'cli'}"}
MANY = 55_000


@pytest.fixture
def root(roomy: Path) -> Path:
    path = roomy / "source"
    for folder in ("a/b/c", "d"):
        (path / folder).mkdir(parents=True)
    return path


def overflow(root: Path, told: Told) -> None:
    """Have more happen than the system remembers, while nobody listens."""
    told.hold.clear()
    (root / "a/first").touch()
    until(lambda: b"a" in told.dirty)
    for number in range(limit("max_queued_events") // 2 + 100):
        # One in each folder by turns: equal events that follow each other count as one.
        (root / "a/b" / str(number)).touch()
        (root / "d" / str(number)).touch()
    (root / "a/b").rename(root / "renamed")
    (root / "new/below").mkdir(parents=True)
    told.hold.set()


def test_after_an_overflow_all_is_lost_once_and_everything_is_watched(root: Path) -> None:
    with watching(root) as (watch, told):
        overflow(root, told)
        until(lambda: told.lost == [Why.STARTED, Why.OVERFLOW])
        settled(root, watch, told)
        assert inodes_watched() == inodes_of(root)
        told.changes.clear()
        (root / "renamed/c/file").touch()
        (root / "new/below/file").touch()
        until(lambda: {b"renamed/c", b"new/below"} <= set(told.dirty))


def test_a_limit_of_watches_is_told_with_its_number_and_cure(root: Path) -> None:
    for number in range(16):
        (root / f"d/{number}").mkdir()
    alone = ["unshare", "--user", "--map-root-user"]
    if shutil.which("unshare") is None or subprocess.run([*alone, "true"], check=False).returncode:
        pytest.skip("user namespaces are refused here")
    program = [*alone, sys.executable, "-m", "tests.daemon.limited", str(root)]
    done = subprocess.run(
        program, cwd=REPOSITORY, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_fifty_five_thousand_folders(root: Path) -> None:
    most = limit("max_user_watches")
    if most < 2 * MANY:
        pytest.skip(f"the system allows {most} watches in all (fs.inotify.max_user_watches)")
    for number in range(MANY // 50):
        for below in range(50):
            os.makedirs(root / f"many/{number}/{below}")
    with watching(root, look_s=5.0) as (watch, told):
        assert told.lost == [Why.STARTED]
        assert count_of(watch) == len(inodes_of(root)) == len(inodes_watched())
        for number in range(30_000):
            with open(root / "many/7" / f"{number}.jpg", "wb") as file:
                file.write(b"x")
        settled(root, watch, told)
        assert told.lost == [Why.STARTED]
        assert told_since(told) == {b"", b"many/7"}
        # A tree that is moved out and in: watchdog's own observer takes minutes here, and writes 200 MB.
        told.changes.clear()
        (root / "many/8").rename(root.parent / "outside")
        until(lambda: b"many" in told.dirty)
        (root.parent / "outside").rename(root / "back")
        until(lambda: told.dirty.get(b"back"))
        settled(root, watch, told)
        until(lambda: inodes_watched() == inodes_of(root))
        (root / "back/49/file").touch()
        until(lambda: b"back/49" in told.dirty)
