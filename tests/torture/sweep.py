"""How much of a sweep is run: a seeded slice in `make test`, all that the time allows in `make torture`."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

Point = TypeVar("Point")


@dataclass
class Extent:
    """`seconds` bounds the whole of a sweep; `note` says a count at the end of the run."""

    whole: bool
    seconds: float
    rng: random.Random
    note: Callable[[str], None]

    def choose(
        self,
        what: str,
        points: Sequence[Point],
        slice_of: int,
        first: Callable[[Point], bool] = lambda _: False,
    ) -> Iterator[Point]:
        """Points in seeded disorder: `slice_of` of them, or in a whole sweep all, until the time is up.

        A whole sweep takes those first of which `first` is False.

        A whole sweep gives at least as many as a slice, however little time there is.
        """
        order = list(points)
        self.rng.shuffle(order)
        if self.whole:
            order.sort(key=first)
        deadline = time.monotonic() + self.seconds
        done = 0
        try:
            for point in order if self.whole else order[:slice_of]:
                if done >= slice_of and time.monotonic() > deadline:
                    break
                yield point
                done += 1
        finally:
            self.note(f"{what}: {done:,} of {len(order):,}")
