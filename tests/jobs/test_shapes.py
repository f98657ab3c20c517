"""Shapes that broke other programs, through a real vault: very deep, very wide, very long, very sparse."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compare_trees import allocated, differences
from tests.jobs.vaults import Computer, new_vault
from vaultd.format.entry import FILE

KIB, MIB, GIB, TIB = 1 << 10, 1 << 20, 1 << 30, 1 << 40
DEEP = 3_000  # three times as deep as Python recurses; the rooms below go to 10,000 each
_MEMORY = "/dev/shm"


@pytest.fixture
def work() -> Iterator[Path]:
    """A folder in memory, where there is one: what is on trial is not a disk. pytest could not remove it."""
    place = tempfile.mkdtemp(prefix="vaultd-shapes-", dir=_MEMORY if os.access(_MEMORY, os.W_OK) else None)
    yield Path(place)
    subprocess.run(["rm", "-rf", place], check=True)


@pytest.fixture
def computer(work: Path) -> Computer:
    return new_vault(work)


@pytest.fixture
def source(work: Path, computer: Computer) -> Path:
    (work / "source").mkdir()
    computer.add(work / "source")
    return work / "source"


def assert_comes_back(computer: Computer, source: Path, *, twice: bool = True) -> None:
    """Save, check, restore by the program, and by docs/recover.py where `twice` says so."""
    assert computer.save("source").snapshot.body.complete
    assert computer.checked().sound
    assert computer.give_back(source.parent / "back", verify=True).complete
    assert differences(source, source.parent / "back", root=True) == []
    if twice:
        computer.recovered(source.parent / "recovered")
        assert differences(source, source.parent / "recovered") == []


def levels(top: Path) -> Iterator[tuple[list[str], int, int]]:
    """Names, mode and time of each folder on the way down through `d`."""
    fd = os.open(top, os.O_RDONLY)
    while fd >= 0:
        status, names = os.fstat(fd), sorted(os.listdir(fd))
        yield names, status.st_mode, status.st_mtime_ns
        below = os.open("d", os.O_RDONLY | os.O_NOFOLLOW, dir_fd=fd) if "d" in names else -1
        os.close(fd)
        fd = below


def dig(top: Path) -> None:
    """Folders in folders, far longer than any path may be, and a file beside each thousandth."""
    fd = os.open(top, os.O_RDONLY)
    for depth in range(DEEP):
        if depth % 1000 == 999:
            os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
        os.mkdir("d", 0o700 + depth % 8, dir_fd=fd)
        below = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(os.open("end", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
    os.close(fd)


def test_three_thousand_folders_deep(computer: Computer, source: Path) -> None:
    dig(source)
    assert computer.save("source").snapshot.body.complete
    assert computer.save("source").snapshot.body.counts["changed"] == 0
    assert computer.checked().sound
    with computer.view() as view:
        assert sum(1 for _ in view.walk()) == DEEP + DEEP // 1000 + 1
        assert view.lookup(b"d/" * DEEP + b"end").kind == FILE
    assert computer.give_back(source.parent / "back").complete
    assert list(levels(source)) == list(levels(source.parent / "back"))
    computer.recovered(source.parent / "recovered")
    assert list(levels(source))[1:] == list(levels(source.parent / "recovered"))[1:]


@pytest.mark.parametrize("count", [8_000, pytest.param(100_000, marks=pytest.mark.torture)])
def test_a_folder_of_very_many(computer: Computer, source: Path, count: int) -> None:
    for number in range(count):
        (source / f"{number:06}.txt").write_bytes(b"%d" % number)
    first = computer.save("source")
    assert first.snapshot.body.counts["files"] == count
    (source / "new").write_bytes(b"new")
    second = computer.save("source")
    assert second.snapshot.body.counts["stored"] < 200 * KIB  # a page or two, not the whole list
    assert_comes_back(computer, source, twice=count > 8_000)


def test_eight_tebibytes_that_hold_three_mebibytes(computer: Computer, source: Path) -> None:
    data = os.urandom(MIB)
    with (source / "disk.img").open("wb") as file:
        file.truncate(8 * TIB)
        for offset in (0, 3 * TIB + 12_345, 8 * TIB - MIB):
            os.pwrite(file.fileno(), data, offset)
    begun = time.monotonic()
    assert_comes_back(computer, source)
    assert time.monotonic() - begun < 60  # seconds, where reading the holes would take an hour
    for name in ("back", "recovered"):
        assert allocated(source.parent / name / "disk.img") <= 4 * MIB


def test_a_sparse_file_with_data_across_4_gib(computer: Computer, source: Path) -> None:
    with (source / "film").open("wb") as file:
        file.truncate(5 * GIB + 1)
        os.pwrite(file.fileno(), os.urandom(9 * MIB), 4 * GIB - 5 * MIB + 3)
    assert_comes_back(computer, source)


@pytest.mark.torture
def test_a_file_of_more_than_4_gib(computer: Computer, source: Path) -> None:
    block = os.urandom(MIB)
    with (source / "film").open("wb") as file:
        for number in range(4 * KIB + 3):
            file.write(b"%d" % number + block)
    assert_comes_back(computer, source)


def test_many_large_attributes(computer: Computer, source: Path) -> None:
    (source / "file").write_bytes(b"attributed")
    try:
        for number in range(100):
            os.setxattr(source / "file", f"user.{number}", os.urandom(64 * KIB))
    except OSError as error:
        pytest.skip(f"this file system takes no 100 attributes of 64 KiB: {error}")
    assert_comes_back(computer, source)


@pytest.mark.parametrize("count", [1000, pytest.param(100_000, marks=pytest.mark.torture)])
def test_very_many_names_of_one_file(computer: Computer, source: Path, count: int) -> None:
    (source / "0").write_bytes(b"one file")
    (source / "folder").mkdir()
    try:
        for number in range(1, count):
            os.link(source / "0", source / "folder" / str(number))
    except OSError as error:
        pytest.skip(f"this file system takes no {count} names of one file: {error}")
    assert_comes_back(computer, source)
    assert (source.parent / "back" / "0").stat().st_nlink == count
