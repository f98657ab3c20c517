"""The way to another host that many threads use: one connection, made anew where it was lost.

It lives in one event loop, in one thread of its own; whoever calls waits. No call waits for ever: each
request has its time, there is one new connection, and after that failed the next one is not tried at once.
"""

import asyncio
import errno
import logging
import threading
import time
import weakref
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from vaultd.copies.hostfailures import Lost
from vaultd.copies.hostsession import Session
from vaultd.errors import Unreachable

_T = TypeVar("_T")
# Seconds for one answer. A disk that sleeps takes fifteen to wake, and a busy one as long to sync a pack.
LIMIT = 60.0
# Seconds before a lost connection is made anew, and before one that could not be made is tried again: as
# long, then twice as long each time, up to the last.
_PAUSE, _LONGEST_PAUSE = 0.5, 30.0


_THREAD = "host"

Join = Callable[[str, float], Awaitable[Session]]
"""Makes a connection for the copy of this label; each request has so many seconds. Raises Unreachable."""


class Link:
    """May be used from several threads. Ends its thread when it is closed, or when nobody holds it."""

    def __init__(self, join: Join, label: str, limit: float = LIMIT) -> None:
        self._label = label
        self._way = _Way(join, label, limit)
        self._loop = asyncio.new_event_loop()
        # The thread holds the loop and not this object, or neither would ever be let go.
        threading.Thread(target=_turn, args=(self._loop,), name=_THREAD, daemon=True).start()
        self._end = weakref.finalize(self, _end, self._loop, self._way)
        self._lock = threading.Lock()
        self._users, self._closed = 0, False

    def run(self, work: Callable[[Session], Awaitable[_T]]) -> _T:
        """What `work` comes to. Work that lost its connection is done once more over a new one, so it must be
        such as can be done twice. Raises what it raises, OSError among it; Unreachable.
        """
        self._enter()
        try:
            future = asyncio.run_coroutine_threadsafe(self._way.do(work), self._loop)
            try:
                return future.result()
            finally:
                future.cancel()  # whoever pressed Ctrl-C waits for nothing
        finally:
            self._leave()

    def close(self) -> None:
        """What is under way is finished, and nothing begins any more."""
        with self._lock:
            self._closed = True
            idle = self._users == 0
        if idle:
            self._end()

    def _enter(self) -> None:
        with self._lock:
            if self._closed:
                raise Unreachable(self._label, "closed")
            self._users += 1

    def _leave(self) -> None:
        with self._lock:
            self._users -= 1
            ends = self._closed and self._users == 0
        if ends:
            self._end()


class _Way:
    """The connection as the event loop sees it."""

    def __init__(self, join: Join, label: str, limit: float) -> None:
        self._make, self._label, self._limit = join, label, limit
        self._session: Session | None = None
        self._joining = asyncio.Lock()
        self._pause, self._not_before = _PAUSE, 0.0
        self._last: Unreachable | None = None

    async def do(self, work: Callable[[Session], Awaitable[_T]]) -> _T:
        session = await self._joined()
        try:
            return await work(session)
        except Lost as gone:
            if gone.errno == errno.ETIMEDOUT:
                raise  # it was waited for once
        await asyncio.sleep(_PAUSE)
        return await work(await self._joined())

    async def end(self) -> None:
        if self._session is not None:
            self._session.give_up()
            await self._session.ended()

    async def _joined(self) -> Session:
        async with self._joining:
            if self._session is None or not self._session.is_alive:
                self._session = await self._join()
            return self._session

    async def _join(self) -> Session:
        if self._last is not None and time.monotonic() < self._not_before:
            raise replace(self._last)
        try:
            session = await self._make(self._label, self._limit)
        except Unreachable as error:
            self._last, self._not_before = error, time.monotonic() + self._pause
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
            raise
        self._last, self._pause = None, _PAUSE
        return session


class _AlreadyKnown(logging.Filter):
    """asyncio warns of each packet that is still written to a connection that is gone, which is told in full
    by what is raised.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.threadName == _THREAD and record.msg == "socket.send() raised exception.")


logging.getLogger("asyncio").addFilter(_AlreadyKnown())


def _turn(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        loop.close()


def _end(loop: asyncio.AbstractEventLoop, way: _Way) -> None:
    """Let go of the host, then of the thread."""

    async def finish() -> None:
        await way.end()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await loop.shutdown_default_executor()  # it looks names up
        loop.stop()

    if not loop.is_closed():
        asyncio.run_coroutine_threadsafe(finish(), loop)
