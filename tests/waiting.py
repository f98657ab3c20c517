"""Waiting for what other threads and processes do."""

import time
from collections.abc import Callable


def until(true: Callable[[], bool], seconds: float = 40.0, every: float = 0.05) -> bool:
    """Whether this became true within so many seconds; asked `every` so often."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(every)
    return True
