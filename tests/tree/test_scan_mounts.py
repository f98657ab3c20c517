"""Other file systems inside a source, mounts that lead back up, and the files of /proc."""

import contextlib
import itertools
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.tree.sources import Watched
from vaultd.format.entry import FOLDER
from vaultd.tree.troubles import CHANGING, LOOP, OTHER_FILE_SYSTEM

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")


@pytest.fixture
def source(tmp_path: Path) -> Watched:
    path = tmp_path / "source"
    path.mkdir()
    return Watched(path)


@contextlib.contextmanager
def mounted(*arguments: str | Path) -> Iterator[None]:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mounting is refused here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", arguments[-1]], check=True)


@needs_root
def test_another_file_system_is_not_entered_unless_asked(source: Watched) -> None:
    at = source.path / "disk"
    at.mkdir()
    (at / "below").write_bytes(b"hidden by the mount")
    source.scan()
    with mounted("-t", "tmpfs", "none", at):
        (at / "above").write_bytes(b"on the other disk")
        scanned = source.scan()
        assert scanned.complete
        assert [(note.path, note.error) for note in scanned.notes] == [(b"disk", OTHER_FILE_SYSTEM)]
        # What was there under this name before is neither lost nor called stale.
        assert source.bytes_of("disk/below") == b"hidden by the mount"
        assert "stale" not in source.entries()[b"disk"].extra
        assert source.scan().root == scanned.root
        source.scan(cross=True)
        assert set(source.entries()) == {b"disk", b"disk/above"}


@needs_root
def test_a_mount_that_was_never_seen_is_an_empty_folder(source: Watched) -> None:
    at = source.path / "disk"
    at.mkdir()
    with mounted("-t", "tmpfs", "none", at):
        (at / "above").write_bytes(b"on the other disk")
        source.scan()
    assert set(source.entries()) == {b"disk"}
    assert source.entries()[b"disk"].kind == FOLDER


@needs_root
def test_a_mount_that_leads_back_up_ends(source: Watched) -> None:
    inner = source.path / "a" / "b" / "loop"
    inner.mkdir(parents=True)
    (source.path / "file").write_bytes(b"x")
    with mounted("--bind", source.path, inner):
        scanned = source.scan()
    assert [(note.path, note.error) for note in scanned.notes] == [(b"a/b/loop", LOOP)]
    assert set(source.entries()) == {b"a", b"a/b", b"a/b/loop", b"file"}


def test_files_that_pretend_to_be_empty_are_told() -> None:
    # Files of /proc have the size 0 and more in them than that: what was read is not the whole.
    source = Watched(Path("/proc/sys/fs/inotify"))
    if not source.path.is_dir():
        pytest.skip("there is no /proc here")
    scanned = source.scan(stop=never_ends())
    assert {trouble.error for trouble in scanned.troubles} == {CHANGING}
    assert all(entry.extra["how"] == CHANGING for entry in source.entries().values())


def never_ends() -> Callable[[], bool]:
    """Stops a scan that asks more often than any that ends."""
    asked = itertools.count()
    return lambda: next(asked) > 1000
