"""Files that are written to while they are read."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.tree.sources import Watched
from vaultd.capture import reading
from vaultd.tree.troubles import CHANGING

MIB = 1 << 20

# Overwrites the whole file with one letter after another, as fast as it can, and puts the old times back.
WRITER = """
import os, sys, itertools
fd = os.open(sys.argv[1], os.O_RDWR)
size, st = os.fstat(fd).st_size, os.fstat(fd)
print("ready", flush=True)
for number in itertools.count():
    os.pwrite(fd, bytes([97 + number % 26]) * size, 0)
    os.utime(fd, ns=(st.st_atime_ns, st.st_mtime_ns))
"""


@pytest.fixture
def source(tmp_path: Path) -> Watched:
    path = tmp_path / "source"
    path.mkdir()
    return Watched(path)


@contextmanager
def writer(file: Path, program: str = WRITER) -> Iterator[None]:
    child = subprocess.Popen([sys.executable, "-c", program, file], stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        yield
    finally:
        child.kill()
        child.wait()
        child.stdout.close()  # type: ignore[union-attr]


def waits_for_a_write(real: Callable[..., int]) -> Callable[..., int]:
    """A disk so slow that the writer always comes in between."""

    def read(fd: int, buffers: list[memoryview], offset: int) -> int:
        before, count = os.fstat(fd).st_ctime_ns, real(fd, buffers, offset)
        while os.fstat(fd).st_ctime_ns == before:
            time.sleep(0.001)
        return count

    return read


def test_a_file_under_a_writer_is_saved_told_and_read_again(
    source: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = source.path / "live"
    live.write_bytes(b"a" * 4 * MIB)
    with writer(live), monkeypatch.context() as patch:
        patch.setattr(os, "preadv", waits_for_a_write(os.preadv))
        scanned = source.scan()
    entry = source.entries()[b"live"]
    assert entry.extra["how"] == CHANGING
    assert entry.size == 4 * MIB
    assert [t[:3] for t in scanned.troubles] == [(b"live", CHANGING, "read")]
    assert not scanned.complete
    assert scanned.counts.read == 3 * 4 * MIB
    # The writer is gone, and no time of the file says that it ever changed: only distrust helps.
    again = source.scan()
    assert again.complete
    assert again.counts.read == 4 * MIB
    assert "how" not in source.entries()[b"live"].extra
    assert source.bytes_of("live") == live.read_bytes()


def test_a_file_that_changes_once_is_read_again_and_is_whole(
    source: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = source.path / "file"
    file.write_bytes(b"old" * 1000)
    real, changes = os.preadv, iter([b"new" * 1000])

    def read(fd: int, buffers: list[memoryview], offset: int) -> int:
        count = real(fd, buffers, offset)
        for change in changes:
            file.write_bytes(change)
        return count

    monkeypatch.setattr(os, "preadv", read)
    assert source.scan().complete
    assert source.bytes_of("file") == b"new" * 1000


@pytest.mark.parametrize("size", [10, 100_000, 20 * MIB])
def test_a_growing_file_ends_where_it_was_when_it_was_opened(
    source: Watched, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    log = source.path / "log"
    log.write_bytes(b"l" * size)
    real = os.preadv

    def read(fd: int, buffers: list[memoryview], offset: int) -> int:
        with log.open("ab") as file:
            file.write(b"more" * 1000)
        return real(fd, buffers, offset)

    with monkeypatch.context() as patch:
        patch.setattr(os, "preadv", read)
        scanned = source.scan()
    assert [t[:3] for t in scanned.troubles] == [(b"log", CHANGING, "read")]
    entry = source.entries()[b"log"]
    assert size < entry.size <= log.stat().st_size
    assert source.bytes_of("log") == log.read_bytes()[: entry.size]


def test_a_file_that_shrinks_while_it_is_read(source: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    file, real = source.path / "file", os.preadv
    file.write_bytes(b"x" * 20 * MIB)
    sizes = iter([16 * MIB, 12 * MIB, 9 * MIB])

    def read(fd: int, buffers: list[memoryview], offset: int) -> int:
        if offset == 0:
            os.truncate(file, next(sizes))
        return real(fd, buffers, offset)

    monkeypatch.setattr(os, "preadv", read)
    scanned = source.scan()
    assert [t[:3] for t in scanned.troubles] == [(b"file", CHANGING, "read")]
    assert source.entries()[b"file"].size == 9 * MIB
    assert source.bytes_of("file") == b"x" * 9 * MIB


def test_a_sparse_file_that_shrinks_keeps_lengths_that_fit(
    source: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, real = source.path / "sparse", reading.parts_of
    with file.open("wb") as opened:
        opened.truncate(64 * MIB)
        os.pwrite(opened.fileno(), b"a" * MIB, 0)
        os.pwrite(opened.fileno(), b"b" * MIB, 32 * MIB)

    def parts(fd: int, st: os.stat_result) -> list[tuple[int, int]] | None:
        found = real(fd, st)
        os.truncate(file, 32 * MIB + 1000)
        os.truncate(file, 64 * MIB)
        os.truncate(file, 32 * MIB + 1000)
        return found

    monkeypatch.setattr("vaultd.tree.storing.parts_of", parts)
    scanned = source.scan()
    assert not scanned.complete
    assert source.bytes_of("sparse")[32 * MIB : 32 * MIB + 1000] == b"b" * 1000


def test_short_reads_are_put_together(source: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    data, real = os.urandom(200_000), os.preadv
    (source.path / "file").write_bytes(data)
    monkeypatch.setattr(os, "preadv", lambda fd, buffers, offset: real(fd, [buffers[0][:7777]], offset))
    assert source.scan().complete
    assert source.bytes_of("file") == data


def test_a_file_saved_by_renaming_another_over_it_is_whole(source: Watched) -> None:
    program = """
import os, sys, itertools
print("ready", flush=True)
for number in itertools.count():
    with open(sys.argv[1] + ".new", "wb") as file:
        file.write(bytes([97 + number % 26]) * 300_000)
    os.rename(sys.argv[1] + ".new", sys.argv[1])
"""
    file = source.path / "document"
    file.write_bytes(b"a" * 300_000)
    with writer(file, program):
        for _ in range(20):
            source.scan()
            if "how" not in source.entries()[b"document"].extra:
                found = source.bytes_of("document")
                assert len(found) == 300_000
                assert len(set(found)) == 1
    source.scan()
    assert source.bytes_of("document") == file.read_bytes()


def test_a_file_that_gives_less_than_its_size_is_told_every_time(
    source: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing in its stat ever changes, as with many files of /sys.
    (source.path / "liar").write_bytes(b"x" * 100)
    real = os.preadv
    monkeypatch.setattr(
        os, "preadv", lambda fd, buffers, offset: 0 if offset >= 60 else real(fd, [buffers[0][:60]], offset)
    )
    for _ in range(2):
        assert [t[:3] for t in source.scan().troubles] == [(b"liar", CHANGING, "read")]
        assert source.bytes_of("liar") == b"x" * 60
