"""Chunks of large files go to the sink from several threads: naming and compressing them release the
interpreter lock.
"""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from vaultd.format.limits import CHUNK
from vaultd.store.contract import Sink

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

# More threads wait for one another: one of them at a time fills a pack.
MOST_THREADS = 4


class Writers:
    """Threads that are started when a file has more than one chunk. `check` is called before each chunk."""

    def __init__(self, sink: Sink, check: Callable[[], None]) -> None:
        self._sink = sink
        self._check = check
        self._pool: ThreadPoolExecutor | None = None

    def write(self, chunks: list[memoryview]) -> list[bytes]:
        """Store chunks; their ids. On return, also by an exception, nobody looks at the memory behind them
        any more.
        """
        if len(chunks) < 2:
            return [self._write_here(chunk) for chunk in chunks]
        from concurrent.futures import wait

        pool, begun = self._started(), list["Future[bytes]"]()
        try:
            for chunk in chunks:
                self._check()
                begun.append(pool.submit(self._sink.write, CHUNK, chunk))
        finally:
            wait(begun)
        return [future.result() for future in begun]

    def close(self) -> None:
        """End the threads. Closing twice is not an error."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def _write_here(self, chunk: memoryview) -> bytes:
        self._check()
        return self._sink.write(CHUNK, chunk)

    def _started(self) -> "ThreadPoolExecutor":
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1), "vaultd-chunks")
        return self._pool
