"""Requests to an SFTP host, each within a time limit: one alone, or many at once."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import TypeVar

from vaultd.copies.hostfailures import Lost, as_lost

_T = TypeVar("_T")
Request = Coroutine[None, None, None]
# So many are under way at once: of 256 KiB each, they fill a line of 300 Mbit/s over 100 ms.
_UNDER_WAY = 16


class Flow:
    """`limit` is in seconds; `give_up` is called when the connection is lost or nothing came within it.

    Everything raises OSError, `Lost` where the connection is.
    """

    def __init__(self, limit: float, give_up: Callable[[], None]) -> None:
        self.limit = limit
        self._give_up = give_up

    async def ask(self, request: Awaitable[_T]) -> _T:
        """One request, within the limit."""
        try:
            async with asyncio.timeout(self.limit):
                return await request
        except OSError as error:
            raise self.failed(error) from error

    async def all_of(self, requests: Iterable[Request]) -> None:
        """All of them, several under way; at any time one of those is answered within the limit.

        So a slow line is no reason to stop, and a host that hangs is.
        """
        pending: set[asyncio.Task[None]] = set()
        try:
            for request in requests:
                pending.add(asyncio.ensure_future(request))
                if len(pending) == _UNDER_WAY:
                    await self._some(pending)
            while pending:
                await self._some(pending)
        finally:
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)

    def failed(self, error: OSError) -> OSError:
        found = as_lost(error)
        if isinstance(found, Lost):
            self._give_up()
        return found

    async def _some(self, pending: set[asyncio.Task[None]]) -> None:
        """Wait for at least one, and take what is done out of `pending`."""
        done, _ = await asyncio.wait(pending, timeout=self.limit, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            raise self.failed(TimeoutError())
        pending -= done
        failures = [failure for task in done if (failure := task.exception()) is not None]
        for failure in failures:
            if not isinstance(failure, OSError):
                raise failure
            raise self.failed(failure) from failure
