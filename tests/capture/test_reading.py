"""Parts, streams, and whether a file stood still."""

import os
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultd.capture.reading import Stream, coarser, parts_of, stood_still
from vaultd.capture.unreadable import Unreadable

MIB = 1 << 20


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file"


def opened(file: Path) -> tuple[int, os.stat_result]:
    fd = os.open(file, os.O_RDONLY)
    return fd, os.fstat(fd)


def read_all(stream: Stream, buffer: int) -> bytes:
    found, view = b"", memoryview(bytearray(buffer))
    while count := stream.fill(view):
        found += view[:count]
    return found


def test_a_dense_file_has_no_parts(file: Path) -> None:
    file.write_bytes(b"x" * MIB)
    assert parts_of(*opened(file)) is None


def test_a_hole_at_the_end_in_the_middle_and_nothing_but_a_hole(file: Path) -> None:
    with file.open("wb") as out:
        out.truncate(4 * MIB)
    assert parts_of(*opened(file)) == []
    with file.open("r+b") as out:
        os.pwrite(out.fileno(), b"x" * MIB, MIB)
    assert parts_of(*opened(file)) == [(MIB, MIB)]


@pytest.mark.parametrize("code", [22, 95])
def test_a_file_system_that_knows_no_holes(file: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def refuses(*_: int) -> int:
        raise OSError(code, os.strerror(code))

    with file.open("wb") as out:
        out.truncate(MIB)
    monkeypatch.setattr(os, "lseek", refuses)
    assert parts_of(*opened(file)) is None


def test_an_error_while_looking_for_holes_is_an_error(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: int) -> int:
        raise OSError(5, "Input/output error")

    with file.open("wb") as out:
        out.truncate(MIB)
    monkeypatch.setattr(os, "lseek", fails)
    with pytest.raises(Unreadable) as caught:
        parts_of(*opened(file))
    assert (caught.value.code, caught.value.doing, caught.value.gone) == ("EIO", "seek", False)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 50)), max_size=8), st.integers(1, 60))
def test_a_stream_is_the_parts_joined(gaps: list[tuple[int, int]], buffer: int) -> None:
    data = bytes(range(256)) * 4
    parts, at = [], 0
    for gap, length in gaps:
        parts.append((at + gap + 1, length))
        at += gap + 1 + length
    fd = os.memfd_create("data")
    try:
        os.write(fd, data)
        stream = Stream(fd, parts)
        assert read_all(stream, buffer) == b"".join(data[o : o + n] for o, n in parts)
        assert stream.parts == parts
        assert stream.total == sum(n for _, n in parts)
    finally:
        os.close(fd)


def test_a_stream_ends_where_the_file_does(file: Path) -> None:
    file.write_bytes(b"0123456789")
    fd, _ = opened(file)
    stream = Stream(fd, [(2, 3), (8, 100), (200, 5)])
    assert read_all(stream, 4) == b"23489"
    assert stream.parts == [(2, 3), (8, 2)]
    assert stream.total == 5


def test_more_is_there_than_the_size_says(file: Path) -> None:
    file.write_bytes(b"12")
    fd, _ = opened(file)
    assert Stream(fd, []).at_end(2)
    assert not Stream(fd, []).at_end(1)


@pytest.mark.parametrize("change", ["write", "touch", "restore", "chmod", "nothing"])
def test_what_counts_as_standing_still(file: Path, change: str) -> None:
    file.write_bytes(b"before")
    os.utime(file, ns=(0, 0))
    _, before = opened(file)
    if change == "write":
        file.write_bytes(b"longer than before")
    elif change == "touch":
        os.utime(file)
    elif change == "restore":
        file.write_bytes(b"BEFORE")
        os.utime(file, ns=(0, 0))
    elif change == "chmod":
        file.chmod(0o600)
    assert stood_still(before, opened(file)[1]) is (change == "nothing")


@given(
    st.lists(st.tuples(st.integers(1, 10**9), st.integers(1, 10**6)), min_size=1, max_size=60),
    st.integers(1, 10),
)
def test_fewer_parts_cover_all_of_them(gaps: list[tuple[int, int]], most: int) -> None:
    parts, at = [], 0
    for gap, length in gaps:
        parts.append((at + gap, length))
        at += gap + length
    fewer = coarser(parts, most)
    assert len(fewer) <= max(most, 1)
    assert (fewer[0][0], sum(fewer[-1])) == (parts[0][0], sum(parts[-1]))
    assert all(sum(a) < b[0] for a, b in pairwise(fewer))
    assert all(any(o <= offset and offset + n <= o + m for o, m in fewer) for offset, n in parts)
    assert fewer == parts or len(parts) > most
