"""Three copies of one vault, and everything that happens to disks, shares and stores: nothing is lost while
one good replica is left, no deletion spreads, nothing is said that is not so, and in the end all copies are
one set (rows 5 to 16, 43, 57 and 61 of the hazards).
"""

import time
from collections.abc import Iterator

from tests.torture.simulator.histories import run, shrink, steps_of, told
from tests.torture.sweep import Extent

SEEDS, STEPS = 10_000, 1000
# What `make test` has time for. The mutants are seen by these.
SLICE_SEEDS, SLICE_STEPS = 20, 70
_SHRINKING = 120


def histories(extent: Extent, first: int) -> Iterator[tuple[int, int]]:
    """Seed and number of steps of each history, until the time is up."""
    seeds, steps = (SEEDS, STEPS) if extent.whole else (SLICE_SEEDS, SLICE_STEPS)
    begun, done = time.monotonic(), 0
    try:
        for seed in range(first, first + seeds):
            if extent.whole and done and time.monotonic() - begun > extent.seconds:
                break
            yield seed, steps
            done += 1
    finally:
        hours = (time.monotonic() - begun) / 3600
        extent.note(f"{done:,} of {seeds:,} histories of {steps:,} steps, {done / hours:,.0f} an hour")


def test_three_copies_and_everything_that_happens_to_them(extent: Extent, seed: int) -> None:
    for each, count in histories(extent, seed):
        failure = run(each, steps_of(each, count))
        if failure is not None:
            shorter = shrink(each, failure, _SHRINKING if extent.whole else 10)
            raise AssertionError(told(each, count, shorter, failure))
