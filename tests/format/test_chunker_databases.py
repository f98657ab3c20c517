"""Databases of SQLite are cut where their pages end, and never elsewhere because they grew."""

import contextlib
import random
import sqlite3
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.format.test_chunker import pieces, streamed
from tests.format.values import KEYS
from vaultd.format.chunker import Chunker, page_size, piece_size
from vaultd.format.limits import AVG_CHUNK, KIB, MIB, MIN_CHUNK, MIN_PIECE

GIB = 1 << 30
SIZES = [1 << power for power in range(9, 17)]


def database(pages: int, size: int, rng: random.Random) -> bytes:
    """What begins as one, and is noise behind that."""
    told = 1 if size == 1 << 16 else size
    head = b"SQLite format 3\0" + told.to_bytes(2, "big")
    return head + rng.randbytes(pages * size - len(head))


@pytest.mark.parametrize("size", SIZES)
def test_a_database_is_cut_where_pages_end(size: int, rng: random.Random) -> None:
    data = database(MIB // size + 1, size, rng)
    cut = pieces(data)
    assert b"".join(cut) == data
    assert {len(piece) for piece in cut[:-1]} == {max(size, MIN_PIECE)}
    assert all(end % size == 0 for end in accumulate(map(len, cut)))


@pytest.mark.parametrize("size", SIZES)
def test_a_page_that_changed_stores_one_piece(size: int, rng: random.Random) -> None:
    data = database(2 * MIB // size, size, rng)
    before = set(pieces(data))
    for _ in range(10):
        at = rng.randrange(1, len(data) // size) * size
        changed = data[:at] + rng.randbytes(size) + data[at + size :]
        (piece,) = set(pieces(changed)) - before
        assert len(piece) == max(size, MIN_PIECE)


@given(st.integers(MIN_CHUNK + 1, MIB), st.integers(0, MIB), st.sampled_from(SIZES))
def test_a_database_that_grows_is_cut_where_it_was(length: int, more: int, size: int) -> None:
    data = database((length + more) // size + 1, size, random.Random(length))
    short, long = pieces(data[:length]), pieces(data[: length + more])
    # The last piece was not full.
    assert long[: len(short) - 1] == short[:-1]


@given(st.integers(0, 2 * MIB), st.lists(st.integers(1, MIB), max_size=20), st.sampled_from(SIZES))
def test_how_a_database_arrives_changes_nothing(length: int, steps: list[int], size: int) -> None:
    data = database(length // size + 1, size, random.Random(length))[:length]
    whole = [len(piece) for piece in pieces(data)]
    assert streamed(Chunker(KEYS), data, [*steps, max(length, 1)]) == whole


@pytest.mark.parametrize("told", [0, 2, 3, 511, 513, 1000, 4095, 256, 65_535])
def test_a_page_size_that_cannot_be_is_no_database(told: int, rng: random.Random) -> None:
    head = b"SQLite format 3\0" + told.to_bytes(2, "big")
    data = head + rng.randbytes(3 * MIB)
    assert page_size(memoryview(data)) == 0
    assert len(pieces(data)) < 3 * MIB // MIN_PIECE // 2
    assert b"".join(pieces(data)) == data


@given(st.binary(max_size=40), st.booleans())
def test_any_head_is_cut_to_the_end(head: bytes, sqlite: bool) -> None:
    data = (b"SQLite format 3\0" if sqlite else b"") + head + bytes(400 * KIB)
    assert b"".join(pieces(data)) == data


def test_what_sqlite_writes_is_taken_for_a_database(tmp_path: Path) -> None:
    for size in SIZES:
        path = tmp_path / f"{size}.db"
        with contextlib.closing(sqlite3.connect(path)) as made, made:
            made.execute(f"PRAGMA page_size = {size}")
            made.execute("CREATE TABLE messages (content TEXT)")
        assert page_size(memoryview(path.read_bytes())) == size


@given(st.integers(0, 1 << 44), st.sampled_from(SIZES))
def test_pieces_stay_few_and_end_with_pages(offset: int, page: int) -> None:
    length = piece_size(offset, page)
    assert length % page == 0
    assert max(page, MIN_PIECE) <= length <= AVG_CHUNK
    assert length & (length - 1) == 0


def test_larger_pieces_begin_at_fixed_offsets() -> None:
    assert piece_size(GIB - 1, 4096) == 32 * KIB
    assert [piece_size(GIB << power, 4096) // KIB for power in range(7)] == [64, 128, 256, 512, *[1024] * 3]
    at = count = 0
    while at < 16 * GIB:
        at += piece_size(at, 4096)
        count += 1
    assert count == GIB // (32 * KIB) + 4 * (1 << 14)


def test_a_database_that_becomes_something_else_is_cut_as_that(rng: random.Random) -> None:
    data = database(1024, 4096, rng)
    other = bytes(16) + data[16:]
    assert b"".join(pieces(other)) == other
    assert len(pieces(other)) < len(pieces(data)) // 2
