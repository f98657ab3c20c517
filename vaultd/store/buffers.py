"""The memory in which packs are made: a few buffers that go round, where another process can see them too."""

import mmap
import os
import queue
import threading


class Buffers:
    """`count` buffers of `size` bytes (a multiple of the page size). Pages that are not touched cost nothing.

    `shared` is the descriptor of all of it, for a process that is to look; None where the system has none.
    """

    def __init__(self, count: int, size: int) -> None:
        self._size = size
        self.shared = _nameless(count * size)
        self._all = memoryview(mmap.mmap(-1 if self.shared is None else self.shared, count * size))
        # The last one that was given back is the next: memory that was never touched is not needed mostly.
        self._free: queue.LifoQueue[int] = queue.LifoQueue()
        self._counting = threading.Lock()
        self._holders: dict[int, int] = {}
        for number in reversed(range(count)):
            self._free.put(number * size)

    def take(self) -> tuple[int, memoryview]:
        """A buffer that nobody has, and where it begins in the shared memory. Waits until there is one."""
        start = self._free.get()
        self._holders[start] = 1
        return start, self.view(start, self._size)

    def view(self, start: int, size: int) -> memoryview:
        """The beginning of a buffer."""
        return self._all[start : start + size]

    def hold(self, start: int) -> None:
        """One more has this buffer, and gives it back."""
        with self._counting:
            self._holders[start] += 1

    def give_back(self, start: int) -> None:
        """It is free once all who had it have given it back."""
        with self._counting:
            self._holders[start] -= 1
            if not self._holders[start]:
                self._free.put(start)

    def close(self) -> None:
        """Let no further process see it. The memory itself goes with the last view. Closing twice is not an
        error.
        """
        if self.shared is not None:
            os.close(self.shared)
            self.shared = None


def _nameless(size: int) -> int | None:
    if not hasattr(os, "memfd_create"):
        return None
    memory = os.memfd_create("vaultd-packs")
    os.ftruncate(memory, size)
    return memory
