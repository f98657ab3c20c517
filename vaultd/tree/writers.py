"""Chunks of large files go to the sink from several threads: naming and compressing them release the
interpreter lock. Nobody waits for them until their memory is wanted again, or their ids.
"""

import os
from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

from vaultd.format.limits import CHUNK
from vaultd.store.contract import Sink

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

# More threads wait for one another: one of them at a time fills a pack.
MOST_THREADS = 4
# A thread is given chunks of so many bytes at once: handing over the small ones of a database one by one
# would take longer than storing them.
_TOGETHER = 1 << 20


class Begun:
    """Chunks on their way to the sink, and their lengths."""

    def __init__(self, futures: "list[Future[list[bytes]]]", lengths: list[int]) -> None:
        self._futures = futures
        self._lengths = lengths

    def wait(self) -> None:
        """Return when nobody looks at the memory behind the chunks any more, whatever became of them."""
        for future in self._futures:
            future.exception()

    def pairs(self) -> list[tuple[bytes, int]]:
        """The id and length of each, once it was taken by the sink. Raises what the sink raised."""
        ids = chain.from_iterable(future.result() for future in self._futures)
        return list(zip(ids, self._lengths, strict=True))


class Writers:
    """Threads that are started with the first chunk. `check` is called before each MiB of chunks."""

    def __init__(self, sink: Sink, check: Callable[[], None]) -> None:
        self._sink = sink
        self._check = check
        self._pool: ThreadPoolExecutor | None = None

    def begin(self, chunks: list[memoryview]) -> Begun:
        """Give chunks to the sink; their memory must stay as it is until the answer's `wait` has returned.

        Where `check` raises, nobody looks at the memory any more.
        """
        pool, futures = self._started(), list["Future[list[bytes]]"]()
        begun = Begun(futures, [len(chunk) for chunk in chunks])
        try:
            for some in _together(chunks):
                self._check()
                futures.append(pool.submit(self._sink.write_many, CHUNK, some))
        except BaseException:
            begun.wait()
            raise
        return begun

    def close(self) -> None:
        """End the threads. Closing twice is not an error."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def _started(self) -> "ThreadPoolExecutor":
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1), "vaultd-chunks")
        return self._pool


def _together(chunks: list[memoryview]) -> Iterator[list[memoryview]]:
    """The chunks in their order, small ones by the MiB."""
    some, size = list[memoryview](), 0
    for chunk in chunks:
        some.append(chunk)
        size += len(chunk)
        if size >= _TOGETHER:
            yield some
            some, size = [], 0
    if some:
        yield some
