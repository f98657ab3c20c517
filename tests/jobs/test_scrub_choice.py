"""Which files a part of a check reads, in which order, and when it is enough: nothing but the choosing."""

import time

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from vaultd.copies.contract import Stored
from vaultd.ids import index_name, key_name, log_name, pack_name
from vaultd.jobs.felt import digest_of
from vaultd.jobs.scrub import Budget, Part, choose

NOW = 1_700_000_000 * 10**9
DAY = 86_400 * 10**9
DEVICE = bytes(8)


def named(number: int) -> str:
    digest = blake3(b"%d" % number).digest()
    make = (pack_name, index_name, key_name, lambda each: log_name(DEVICE, number + 1, each))[number % 4]
    return make(digest)


# Sizes, and when each file was read: never, in the past, or by a clock that was wrong.
_WHEN = st.none() | st.integers(NOW - 90 * DAY, NOW + 90 * DAY)
COPIES = st.lists(st.tuples(st.integers(0, 1000), _WHEN), max_size=40)
Copy = list[tuple[int, int | None]]


def listed(copy: Copy) -> tuple[list[Stored], dict[bytes, int]]:
    files = [Stored(named(number), size) for number, (size, _) in enumerate(copy)]
    times = {digest_of(file.name): when for file, (_, when) in zip(files, copy, strict=True) if when}
    return files, times


def waits(when: int | None) -> int:
    """The longer, the smaller: what was never read, or in the future, has waited for ever."""
    return -1 if when is None or when > NOW else when


@given(COPIES, st.none() | st.integers(0, 60 * DAY), st.none() | st.integers(0, 9000))
def test_the_longest_unread_comes_first(copy: Copy, max_age: int | None, size: int | None) -> None:
    files, times = listed(copy)
    chosen = choose(files, times, NOW, Part(max_age=max_age, size=size))
    read = [waits(copy[place][1]) for place in chosen.order]
    assert read == sorted(read)
    left = {*range(len(copy))} - {*chosen.order}
    if max_age is None and read:
        assert all(waits(copy[place][1]) >= read[-1] for place in left)
    elif max_age is not None:
        assert all(each < 0 or NOW - each >= max_age for each in read)


@given(COPIES, st.integers(0, 60 * DAY))
def test_all_that_is_due_is_chosen_and_counted(copy: Copy, max_age: int) -> None:
    files, times = listed(copy)
    chosen = choose(files, times, NOW, Part(max_age=max_age))
    due = {place for place, (_, when) in enumerate(copy) if waits(when) < 0 or NOW - waits(when) >= max_age}
    assert {*chosen.order} == due
    assert len(chosen.order) == len(due)
    assert chosen.due == (len(due), sum(copy[place][0] for place in due))


@given(COPIES, st.integers(1, 9))
def test_all_the_parts_have_every_file_once(copy: Copy, of: int) -> None:
    files, times = listed(copy)
    parts = [choose(files, times, NOW, Part(group=(number, of))).order for number in range(1, of + 1)]
    assert sorted(place for part in parts for place in part) == list(range(len(copy)))


@given(COPIES, st.integers(0, 39), st.integers(2, 9))
def test_a_file_stays_in_its_part_when_another_goes(copy: Copy, gone: int, of: int) -> None:
    files, times = listed(copy)
    left = [file for place, file in enumerate(files) if place != gone]
    for number in range(1, of + 1):
        before = {files[place].name for place in choose(files, times, NOW, Part(group=(number, of))).order}
        after = {left[place].name for place in choose(left, times, NOW, Part(group=(number, of))).order}
        assert after == before & {file.name for file in left}


@given(COPIES, st.integers(0, 20_000))
def test_a_size_is_reached_by_the_last_file_and_not_before(copy: Copy, size: int) -> None:
    files, times = listed(copy)
    order = choose(files, times, NOW, Part(size=size)).order
    assert bool(order) == bool(copy)
    assert len(order) < 2 or sum(copy[place][0] for place in order[:-1]) < size
    assert len(order) == len(copy) or sum(copy[place][0] for place in order) >= size


@given(COPIES, st.integers(1, 10))
def test_so_many_parts_of_a_hundredth_cover_everything(copy: Copy, runs: int) -> None:
    """Each run reads a share, and what it has read is told: after so many runs nothing is older."""
    files, times = listed(copy)
    for run in range(runs):
        for place in choose(files, times, NOW + run, Part(share=1 / runs)).order:
            times[digest_of(files[place].name)] = NOW + run
    assert all(NOW <= times[digest_of(file.name)] < NOW + runs for file in files if file.size)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def is_over_after(budget: Budget, clock: list[float], seconds: float) -> bool:
    """Whether it is, and not a second earlier."""
    clock[0] += seconds - 1
    before = budget.is_over()
    clock[0] += 1
    return budget.is_over() and not before


def test_time_is_shared_and_what_one_copy_leaves_the_others_get(clock: list[float]) -> None:
    budget = Budget(90, 3)
    budget.turn()
    budget.begin()
    assert is_over_after(budget, clock, 30)
    budget.end()
    budget.turn()
    budget.begin()
    clock[0] += 10
    budget.end()
    budget.turn()
    budget.begin()
    assert is_over_after(budget, clock, 50)


def test_a_copy_that_is_away_leaves_its_time_to_the_others(clock: list[float]) -> None:
    budget = Budget(90, 3)
    budget.turn()
    budget.turn()
    budget.begin()
    assert is_over_after(budget, clock, 45)


def test_without_a_budget_it_is_never_enough(clock: list[float]) -> None:
    budget = Budget(None, 1)
    budget.turn()
    budget.begin()
    clock[0] += 10**9
    assert not budget.is_over()
