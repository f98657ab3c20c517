"""Waiting for what other threads and processes do."""

import time
from collections.abc import Callable


def until(true: Callable[[], bool], seconds: float = 40.0) -> bool:
    """Whether this became true within so many seconds; asked often."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
