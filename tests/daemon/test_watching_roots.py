"""Roots that go away and come back, and those where the system tells nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.daemon.watched import count_of, inodes_of, inodes_watched, settled, told_since, until, watching
from tests.disks import Disk
from vaultd.daemon.changes import Beginning, Gone, Network, Part, Scanning, Watching, Why

REPOSITORY = Path(__file__).parent.parent.parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'cli'}"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "above" / "source"
    (path / "a/b").mkdir(parents=True)
    return path


def _move(root: Path, elsewhere: Path) -> None:
    root.rename(elsewhere)


def _move_above(root: Path, elsewhere: Path) -> None:
    root.parent.rename(elsewhere)


@pytest.mark.parametrize("move", [_move, _move_above])
def test_a_root_that_is_moved_away_and_back(root: Path, tmp_path: Path, move: object) -> None:
    elsewhere = tmp_path / "elsewhere"
    old = root if move is _move else root.parent
    with watching(root) as (watch, told):
        old.rename(elsewhere)
        until(lambda: watch.state == Gone("ENOENT"))
        assert not inodes_watched()
        (elsewhere / "unseen").touch()
        elsewhere.rename(old)
        until(lambda: told.lost == [Why.STARTED, Why.RETURNED])
        assert watch.state == Watching(3)
        assert [state for state in told.turned() if state != Scanning(Beginning())] == [
            Watching(3),
            Gone("ENOENT"),
            Watching(3),
        ]
        (root / "a/b/file").touch()
        until(lambda: b"a/b" in told.dirty)


def test_a_root_that_is_deleted_and_made_anew(root: Path) -> None:
    with watching(root) as (watch, told):
        for folder in ("a/b", "a", ""):
            (root / folder).rmdir()
        until(lambda: watch.state == Gone("ENOENT"))
        root.write_bytes(b"a file now")
        until(lambda: watch.state == Gone("ENOTDIR"))
        root.unlink()
        root.mkdir()
        until(lambda: watch.state == Watching(1))
        assert told.lost == [Why.STARTED, Why.RETURNED]


def test_a_root_that_another_folder_took_the_place_of(root: Path) -> None:
    (root.parent / "other/x").mkdir(parents=True)
    with watching(root) as (_, told):
        root.rename(root.parent / "old")
        (root.parent / "other").rename(root)
        until(lambda: told.lost[-1] == Why.RETURNED and inodes_watched() == inodes_of(root))
        (root / "x/file").touch()
        until(lambda: b"x" in told.dirty)


def test_a_root_that_is_not_there_yet(root: Path) -> None:
    with watching(root / "later", up=False) as (watch, told):
        until(lambda: watch.state == Gone("ENOENT"))
        (root / "later").mkdir()
        until(lambda: watch.state == Watching(1))
        assert len(told.lost) == 1


def test_a_disk_that_is_unplugged_leaves_a_folder_that_is_not_the_source(disk: Disk) -> None:
    (disk.path / "source/a").mkdir(parents=True)
    with watching(disk.path) as (watch, told):
        assert watch.state == Watching(3)
        # Nothing is held open there, so the file system lets go.
        subprocess.run(["umount", disk.path], check=True)
        until(lambda: watch.state == Gone("unmounted"))
        assert disk.path.is_dir()
        disk.plug()
        until(lambda: told.lost == [Why.STARTED, Why.RETURNED])
        assert watch.state == Watching(3)
        (disk.path / "source/a/file").touch()
        until(lambda: b"source/a" in told.dirty)


def test_a_folder_on_a_disk_that_is_unplugged(disk: Disk) -> None:
    (disk.path / "source/a").mkdir(parents=True)
    with watching(disk.path / "source") as (watch, told):
        disk.unplug()
        until(lambda: watch.state == Gone("ENOENT"))
        disk.plug()
        until(lambda: told.lost == [Why.STARTED, Why.RETURNED])


def test_what_is_mounted_over_a_root_and_taken_away_again(root: Path) -> None:
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "none", root], check=False).returncode:
        pytest.skip("mounting is refused here")
    subprocess.run(["umount", root], check=True)
    with watching(root) as (watch, told):
        subprocess.run(["mount", "-t", "tmpfs", "none", root], check=True)
        try:
            until(lambda: told.lost[-1] == Why.RETURNED and count_of(watch) == 1)
        finally:
            subprocess.run(["umount", root], check=True)
        until(lambda: len(told.lost) == 3 and count_of(watch) == 3)


# Where others write unseen.


def _mounts(tmp_path: Path, *more: tuple[Path, str]) -> Path:
    lines = ["21 1 8:1 / / rw - ext4 /dev/sda1 rw"]
    for path, kind in more:
        point = str(path).replace(" ", r"\040")
        lines.append(f"30 21 0:50 / {point} rw - {kind} x rw")
    mounts = tmp_path / "mountinfo"
    mounts.write_text("\n".join(lines) + "\n")
    return mounts


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "fuse.rclone", "fuse", "9p"])
def test_a_root_on_a_network_is_left_to_scans(root: Path, tmp_path: Path, kind: str) -> None:
    with watching(root, up=False, mounts=_mounts(tmp_path, (root.parent, kind))) as (watch, told):
        until(lambda: watch.state == Scanning(Network(kind)))
        assert not inodes_watched()
        root.rename(tmp_path / "elsewhere")
        until(lambda: watch.state == Gone("ENOENT"))
        (tmp_path / "elsewhere").rename(root)
        until(lambda: watch.state == Scanning(Network(kind)))
        assert told.lost == []


@pytest.mark.parametrize("kind", ["ext4", "btrfs", "xfs", "tmpfs", "overlay", "fuseblk", "vfat", "exfat"])
def test_a_root_on_a_disk_is_watched(root: Path, tmp_path: Path, kind: str) -> None:
    with watching(root, mounts=_mounts(tmp_path, (root.parent, kind))) as (watch, _):
        assert watch.state == Watching(3)


def test_a_network_inside_is_a_part_that_needs_scans(root: Path, tmp_path: Path) -> None:
    mounts = _mounts(tmp_path, (root / "a", "fuse.sshfs"), (root / "b c", "nfs4"))
    (root / "b c").mkdir()
    with watching(root, mounts=mounts, cross=True) as (watch, told):
        assert watch.state == Watching(
            1, (Part(b"a", "network", "fuse.sshfs"), Part(b"b c", "network", "nfs4")), 2
        )
        (root / "a/b/file").touch()
        settled(root, watch, told)
        assert told_since(told) == {b""}
    with watching(root, mounts=mounts) as (watch, _):
        assert watch.state == Watching(1)


def test_a_folder_that_may_not_be_read_is_a_part_until_it_may(root: Path) -> None:
    (root / "a/b/c").mkdir()
    user = 65534 if os.geteuid() == 0 else 0
    for path in (root, root / "a", root / "a/b", root / "a/b/c") if user else ():
        os.chown(path, user, user)
    program = [sys.executable, "-m", "tests.daemon.unprivileged", root.name, str(user)]
    done = subprocess.run(
        program, cwd=root.parent, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    (root / "a/b").chmod(0o700)
    assert done.returncode == 0, done.stderr
