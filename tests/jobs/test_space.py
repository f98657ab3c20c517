"""When a copy will be full: time is an argument."""

from pathlib import Path

import pytest

from vaultd.jobs.space import full_in, note_space
from vaultd.settings import Home, find_home

DAY = 86_400.0
COPY = bytes(16)
GIB = 1 << 30


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return find_home(str(tmp_path))


def fill(home: Home, *free: int, begin: float = 1000.0) -> None:
    for day, bytes_free in enumerate(free):
        note_space(home, {COPY: bytes_free}, (begin + day) * DAY)


def test_a_copy_that_fills_steadily_is_full_when_the_line_meets_the_end(home: Home) -> None:
    fill(home, 100 * GIB, 99 * GIB, 98 * GIB, 97 * GIB)
    assert full_in(home, COPY, 96 * GIB, 1004 * DAY) == pytest.approx(96, abs=1)


def test_one_day_that_was_different_is_evened_out(home: Home) -> None:
    fill(home, 100 * GIB, 99 * GIB, 90 * GIB, 97 * GIB, 96 * GIB, 95 * GIB)
    found = full_in(home, COPY, 94 * GIB, 1006 * DAY)
    assert found is not None
    assert 60 < found < 200


@pytest.mark.parametrize("free", [(), (5,), (9, 9), (5, 5, 5, 5, 5), (5, 6, 7, 8, 9)])
def test_what_does_not_fill_or_is_not_known_long_enough_has_no_end(home: Home, free: tuple[int, ...]) -> None:
    fill(home, *(each * GIB for each in free))
    assert full_in(home, COPY, (free[-1] if free else 1) * GIB, (1000 + len(free)) * DAY) is None


def test_the_future_and_the_long_past_are_forgotten(home: Home) -> None:
    fill(home, 900 * GIB, 1 * GIB, begin=5000.0)
    fill(home, 100 * GIB, 99 * GIB, 98 * GIB, 97 * GIB)
    assert full_in(home, COPY, 96 * GIB, 1004 * DAY) == pytest.approx(96, abs=1)
    fill(home, 50 * GIB, begin=2000.0)
    assert full_in(home, COPY, 50 * GIB, 2000 * DAY) is None


@pytest.mark.parametrize("content", [b"", b"[]", b'{"00": [["x", 1]]}'])
def test_a_damaged_memory_is_as_none(home: Home, content: bytes) -> None:
    (home.state / "space.json").write_bytes(content)
    assert full_in(home, COPY, GIB, 0.0) is None
    note_space(home, {COPY: GIB}, 0.0)
