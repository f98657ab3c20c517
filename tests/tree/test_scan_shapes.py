"""Trees and files of unusual shapes: holes, depth, attributes, mounts."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.descriptors import open_below
from tests.tree.sources import Watched, comparable
from vaultd.capture import descent
from vaultd.format.limits import CHUNK
from vaultd.tree.content import extents, parts_of
from vaultd.tree.troubles import BARE, ENTRY_TOO_LARGE

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
MIB, GIB, TIB = 1 << 20, 1 << 30, 1 << 40


@pytest.fixture
def source(tmp_path: Path) -> Watched:
    path = tmp_path / "source"
    path.mkdir()
    return Watched(path)


@contextlib.contextmanager
def loop_mounted(tmp_path: Path, kind: str) -> Iterator[Path]:
    """A file system of its own in a file."""
    image, at = tmp_path / "image", tmp_path / "mounted"
    at.mkdir()
    with image.open("wb") as file:
        file.truncate(400 * MIB)
    if shutil.which(f"mkfs.{kind}") is None:
        pytest.skip(f"there is no mkfs.{kind} here")
    subprocess.run([f"mkfs.{kind}", "-q", image], check=True, capture_output=True)
    mounted = subprocess.run(["mount", "-o", "loop", image, at], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a loop mount is refused here: {mounted.stderr.strip()}")
    try:
        yield at
    finally:
        subprocess.run(["umount", at], check=True)


# Holes.


def test_8_tib_with_3_mib_of_data_take_seconds(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as place:
        source = Watched(Path(place))
        data = os.urandom(MIB)
        with open(source.path / "sparse", "wb") as file:
            file.truncate(8 * TIB)
            for offset in (0, 3 * TIB, 8 * TIB - MIB):
                os.pwrite(file.fileno(), data, offset)
        begun = time.monotonic()
        scanned = source.scan()
        assert time.monotonic() - begun < 60  # a moment, where reading the holes would take an hour
    entry = source.entries()[b"sparse"]
    assert entry.size == 8 * TIB
    assert parts_of(source.sink, entry) == ((0, MIB), (3 * TIB, MIB), (8 * TIB - MIB, MIB))
    assert scanned.counts.read == 3 * MIB
    assert scanned.complete


def test_a_file_that_is_nothing_but_a_hole(source: Watched) -> None:
    with open(source.path / "hole", "wb") as file:
        file.truncate(5 * GIB)
    source.scan()
    entry = source.entries()[b"hole"]
    assert (entry.size, entry.content, entry.extra["sparse"]) == (5 * GIB, (), ())


def test_a_map_of_many_parts_is_stored_beside_the_entry(source: Watched) -> None:
    count, step = 2000, 64 << 10
    with open(source.path / "comb", "wb") as file:
        file.truncate(count * step)
        for number in range(count):
            os.pwrite(file.fileno(), b"tooth%06d" % number, number * step)
    if os.stat(source.path / "comb").st_blocks * 512 >= count * step:
        pytest.skip("the file system of the tests makes no holes")
    source.scan()
    entry = source.entries()[b"comb"]
    assert isinstance(entry.extra["sparse"][0][0], bytes)
    assert len(parts_of(source.sink, entry)) == count
    assert source.bytes_of("comb") == (source.path / "comb").read_bytes()


def test_a_file_over_4_gib_with_data_at_its_end(source: Watched) -> None:
    with open(source.path / "large", "wb") as file:
        os.pwrite(file.fileno(), b"start" * 100_000, 0)
        os.pwrite(file.fileno(), b"end" * 100_000, 4 * GIB + 12345)
    source.scan()
    entry = source.entries()[b"large"]
    assert entry.size == 4 * GIB + 12345 + 300_000
    offset, length = parts_of(source.sink, entry)[-1]
    assert offset + length == entry.size
    joined = b"".join(
        source.sink.read(blob_id, CHUNK) for blob_id, _, _ in extents(source.sink, entry.content or ())
    )
    assert joined.rstrip(b"\0").endswith(b"end" * 100_000)


@needs_root
@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_on_a_real_file_system_holes_stay_and_nothing_changes(tmp_path: Path, kind: str) -> None:
    with loop_mounted(tmp_path, kind) as place:
        source = Watched(place)
        with open(place / "sparse", "wb") as file:
            file.truncate(GIB)
            os.pwrite(file.fileno(), b"x" * 8192, 512 * MIB)
        os.setxattr(place / "sparse", "user.note", b"kept")
        first = source.scan()
        entry = source.entries()[b"sparse"]
        assert parts_of(source.sink, entry) == ((512 * MIB, 8192),)
        assert entry.extra["xattr"] == {b"user.note": b"kept"}
        assert "birth" in entry.extra
        source.forget()
        assert source.scan().root == first.root
        assert source.scan().counts.read == 0


# Depth.


def test_10_000_folders_deep(source: Watched) -> None:
    depth = 10_000
    make_deep(source.path, depth)
    try:
        first = source.scan()
        assert first.complete
        assert first.counts.folders == depth
        assert first.counts.files == 2
        assert source.scan().root == first.root
        assert first.counts.read == len(b"top") + len(b"bottom")
        assert open_below(source.path) == 0
    finally:
        subprocess.run(["rm", "-rf", source.path], check=True)


def make_deep(top: Path, depth: int) -> None:
    fd = os.open(top, os.O_RDONLY)
    write_at(fd, "file", b"top")
    for _ in range(depth):
        os.mkdir("deeper", dir_fd=fd)
        below = os.open("deeper", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    write_at(fd, "file", b"bottom")
    os.close(fd)


def write_at(folder: int, name: str, data: bytes) -> None:
    fd = os.open(name, os.O_WRONLY | os.O_CREAT, dir_fd=folder)
    os.write(fd, data)
    os.close(fd)


@pytest.mark.parametrize("lost", [False, True])
def test_a_folder_moved_away_under_the_walk_loses_nothing(
    source: Watched, monkeypatch: pytest.MonkeyPatch, lost: bool
) -> None:
    monkeypatch.setattr(descent, "MOST_OPEN", 3)
    make_deep(source.path, 12)
    (source.path / "z").write_bytes(b"z")
    source.scan()
    (source.path / "z").write_bytes(b"z again")
    real, moved = os.listdir, source.path / "deeper" / "deeper"

    def listed(folder: int) -> list[str]:
        names = real(folder)
        if names == ["file"] and moved.exists():  # at the very bottom
            moved.rename(source.path / "elsewhere")
            if lost:
                (source.path / "deeper").rename(source.path / "renamed")
        return names

    with monkeypatch.context() as patch:
        patch.setattr(os, "listdir", listed)
        scanned = source.scan()
    assert not moved.exists()
    # ".." leads elsewhere now. By its names the folder above is found again, unless those changed too.
    assert [(t.path, t.error) for t in scanned.troubles] == ([(b"deeper", "ESTALE")] if lost else [])
    assert ("stale" in source.entries()[b"deeper"].extra) is lost
    assert source.bytes_of("deeper/" * 12 + "file") == b"bottom"
    assert source.bytes_of("z") == b"z again"
    assert source.scan().complete
    assert (b"renamed" in source.entries()) is lost


# Attributes.


def test_extended_attributes_large_ones_beside_the_entry() -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as place:
        source = Watched(Path(place))
        (source.path / "file").write_bytes(b"x")
        (source.path / "folder").mkdir()
        values = {f"user.{number}": os.urandom(60_000) for number in range(100)}
        try:
            os.setxattr(source.path / "folder", "user.small", b"")
            for name, value in values.items():
                os.setxattr(source.path / "file", name, value)
        except OSError as error:
            pytest.skip(f"the file system of the tests does not hold them: {error}")
        first = source.scan()
        assert first.complete
        source.forget()
        assert source.scan().root == first.root
        found = comparable(source.sink, first.root)[b"file"][7]
    assert isinstance(found, dict)
    assert found["xattr"] == {name.encode(): value for name, value in values.items()}
    assert source.entries()[b"folder"].extra["xattr"] == {b"user.small": b""}


def test_attributes_that_fit_no_entry_are_dropped_and_the_file_is_saved(
    source: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = {b"user.%d" % number: b"v" * 4000 for number in range(20)}
    monkeypatch.setattr("vaultd.tree.making.xattrs_of_open", lambda fd: many)
    (source.path / "file").write_bytes(b"saved")
    scanned = source.scan()
    assert source.bytes_of("file") == b"saved"
    assert (b"file", ENTRY_TOO_LARGE, "xattr", "") in scanned.troubles
    monkeypatch.undo()
    assert source.scan().counts.read == len(b"saved")  # not trusted


@pytest.mark.parametrize(("code", "told"), [(95, False), (61, False), (5, True)])
def test_attributes_that_cannot_be_read_do_not_cost_the_file(
    source: Watched, monkeypatch: pytest.MonkeyPatch, code: int, told: bool
) -> None:
    def fails(*_: object, **__: object) -> bytes:
        raise OSError(code, os.strerror(code))

    (source.path / "file").write_bytes(b"saved")
    monkeypatch.setattr(os, "listxattr", lambda *_, **__: ["user.a"])
    monkeypatch.setattr(os, "getxattr", fails)
    scanned = source.scan()
    assert source.bytes_of("file") == b"saved"
    assert scanned.complete is not told
    assert ((b"file", "EIO", "xattr", BARE) in scanned.troubles) is told
