"""How fast bytes may leave this computer: one limit for a whole process, since they all leave by one line.

A folder of a local disk knows nothing of it.
"""

import threading
import time
from collections.abc import Callable, Iterator

# So long at most is nothing sent, and then all of a part at once: others on the line do not notice.
_PART_SECONDS = 0.5
_SMALLEST = 4096


class Pace:
    """A limit in bytes per second; None is none. Safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._rate: float | None = None
        self._free = 0.0

    def limit(self, rate: float | None) -> None:
        """From now on."""
        with self._lock:
            self._rate = rate
            self._free = 0.0

    def part(self, most: int) -> int:
        """How many bytes to send at once: `most`, or what the limit lets out in half a second."""
        rate = self._rate
        return most if rate is None else min(most, max(_SMALLEST, int(rate * _PART_SECONDS)))

    def parts(self, data: memoryview) -> Iterator[memoryview]:
        """The bytes in such parts, each when its turn has come: the caller's thread sleeps until then."""
        if self._rate is None:
            yield data
            return
        size = self.part(len(data))
        for begin in range(0, len(data), size):
            part = data[begin : begin + size]
            time.sleep(self.turn(len(part)))
            yield part

    def turn(self, size: int) -> float:
        """Seconds to wait before so many bytes are sent. Who asks is in the queue from now on."""
        with self._lock:
            if self._rate is None:
                return 0.0
            now = self._clock()
            begin = max(now, self._free)
            self._free = begin + size / self._rate
            return begin - now


UPLOAD = Pace()
