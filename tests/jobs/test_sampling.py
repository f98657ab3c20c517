"""Every file is as likely to be drilled as any other, and what is chosen fits."""

from collections import Counter
from random import Random
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from vaultd.jobs.sampling import Pick, Reservoir, within


class _Sized:
    def __init__(self, length: int) -> None:
        self.length = length


def sampled(count: int, size: int, random: Random) -> list[int]:
    held = Reservoir[int](size, random)
    for number in range(count):
        if held.wants():
            held.take(number)
    return held.shuffled()


@given(st.integers(0, 60), st.integers(1, 20), st.integers(0, 99))
def test_so_many_different_ones_or_all(count: int, size: int, seed: int) -> None:
    held = sampled(count, size, Random(seed))
    assert len(set(held)) == len(held) == min(count, size)
    assert set(held) <= {*range(count)}
    assert held == sampled(count, size, Random(seed))


def test_each_is_as_likely_as_any_other() -> None:
    """4,000 draws of 5 out of 20: 1,000 for each, with a deviation of 27."""
    random = Random(1)
    drawn = Counter(number for _ in range(4000) for number in sampled(20, 5, random))
    first = Counter(sampled(20, 5, random)[0] for _ in range(4000))
    assert all(abs(drawn[number] - 1000) < 5 * 28 for number in range(20))
    assert all(abs(first[number] - 200) < 5 * 14 for number in range(20))


@given(st.lists(st.integers(0, 100), max_size=20), st.integers(0, 300), st.integers(0, 300))
def test_what_is_chosen_fits_and_is_at_least_one(lengths: list[int], limit: int, room: int) -> None:
    limit = min(limit, room)
    picks = cast("list[Pick]", [_Sized(length) for length in lengths])
    chosen = cast("list[Any]", within(picks, limit, room))
    assert len(chosen) < 2 or sum(each.length for each in chosen) <= max(limit, chosen[0].length)
    assert bool(chosen) == any(length <= room for length in lengths)
    assert all(each.length <= room for each in chosen)
    left = [each for each in picks if each not in chosen]
    so_far = sum(each.length for each in chosen)
    assert all(so_far + each.length > limit for each in left if each.length == 0)
