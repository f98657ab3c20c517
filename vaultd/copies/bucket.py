"""The few calls that a copy in an object store needs, each bounded in time, each failure typed.

The one module that knows opendal, which is imported when the first call is made: a vault without such a
copy never pays for it.

Calls run on one thread with an event loop, since only there a call can be given up: a store that took the
connection and then says nothing, or a byte a minute, would otherwise hold its caller for ever.
"""

import random
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

from vaultd.copies.contract import Stored
from vaultd.copies.pace import UPLOAD
from vaultd.copies.refusals import Cause, Failed, failed_by
from vaultd.errors import NeedsExtra

if TYPE_CHECKING:
    import asyncio

    import opendal

_T = TypeVar("_T")

# A call may take this long, and longer by what its bytes take on the slowest line that is worth having
# (1 Mbit/s): 16 MiB, a pack, have 20 s + 128 s.
LIMIT = 20.0
SLOWEST = 128 * 1024
# Names are taken from the loop's thread by as many as a page of S3 has.
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Keys:
    """What the store knows us by. Never shown."""

    access: str = field(repr=False)
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Address:
    """Where in which store: "" as `endpoint` is Amazon's own. `prefix` has no slash at either end."""

    bucket: str
    prefix: str = ""
    endpoint: str = ""
    region: str = "us-east-1"
    path_style: bool = True

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")


@dataclass(frozen=True, slots=True)
class Head:
    """Length in bytes, and the store's own mark of this version of the object ("" where it gives none)."""

    size: int
    etag: str


class Bucket:
    """The objects below one prefix, by names relative to it. Every method raises Failed.

    May be used from several threads. `limit` is the time in seconds for a call that carries no bytes.
    """

    def __init__(self, address: Address, keys: Keys, limit: float = LIMIT) -> None:
        self._limit = limit
        self._store = _operator(address, keys)
        self._loop = _Loop()

    def head(self, name: str) -> Head:
        found = self._call(lambda: self._store.stat(name))
        return Head(found.content_length, (found.etag or "").strip('"'))

    def read(self, name: str) -> bytes:
        """All of a short object. How much a store sends is bounded by the time alone."""
        data: bytes = self._call(lambda: self._store.read(name))
        return data

    def read_range(self, name: str, offset: int, length: int) -> bytes:
        """Exactly `length` bytes; RANGE where the store gave fewer or more, or has none there."""
        if not length:
            return b""
        data: bytes = self._call(lambda: self._store.read(name, offset=offset, size=length), length)
        if len(data) != length:
            raise Failed(Cause.RANGE, "length")
        return data

    def write(self, name: str, data: memoryview) -> None:
        """One PUT, which a store takes whole or not at all."""
        # Any buffer would be taken, but only bytes in one piece: of others each byte becomes an object first.
        whole = bytes(data)
        for _ in UPLOAD.parts(memoryview(whole)):
            pass  # a store takes one piece, so all of its time is waited for before
        self._call(lambda: self._store.write(name, whole), len(whole), writes=True)

    def write_new(self, name: str, data: bytes) -> None:
        """The same, and EXISTS where the store knows the condition and something stands there already."""
        self._call(lambda: self._store.write(name, data, if_not_exists=True), len(data), writes=True)

    def copy(self, name: str, target: str, size: int) -> None:
        self._call(lambda: self._store.copy(name, target), size, writes=True)

    def delete(self, name: str) -> None:
        """Succeeds where nothing is there, the bucket included: who must know asks before."""
        self._call(lambda: self._store.delete(name), writes=True)

    def names(self, after: str = "") -> Iterator[Stored]:
        """Everything after `after`, in the order of names. That nothing is missing the caller must prove.

        A page that failed is asked for again from the last name that was given. A store that lists out of
        order, or the same name twice, fails: no name can then prove that those before it were all there.
        """
        tries = 0
        last = after
        while True:
            try:
                for stored in self._listing(last):
                    yield stored
                    last, tries = stored.name, 0
            except Failed as failed:
                if not _paused(failed, tries):
                    raise
                tries += 1
            else:
                return

    def _listing(self, after: str) -> Iterator[Stored]:
        pages = _Pages(self._store, after)
        last = ""
        while page := self._loop.run(pages.next, self._limit):
            # The whole page, before any of it: whoever has met the name that he waits for reads no further.
            if any(here <= before for before, here in pairwise([last, *(stored.name for stored in page)])):
                raise Failed(Cause.OTHER, "order of names")
            last = page[-1].name
            # Not every store knows where to start.
            yield from (stored for stored in page if stored.name > after)

    def _call(self, make: "Callable[[], Any]", size: int = 0, *, writes: bool = False) -> Any:
        async def once() -> Any:
            return await make()

        tries = 0
        while True:
            try:
                return self._loop.run(once, self._limit + size / SLOWEST)
            except Failed as failed:
                if failed.cause is Cause.DENIED and not writes:
                    failed.cause = Cause.OTHER  # who may not read knows nothing, and is not told "read-only"
                if not _paused(failed, tries):
                    raise
                tries += 1


class _Pages:
    """A listing, taken a page at a time."""

    def __init__(self, store: "opendal.AsyncOperator", after: str) -> None:
        self._store, self._after = store, after
        self._entries: AsyncIterator[opendal.types.Entry] | None = None

    async def next(self) -> list[Stored]:
        """The next names; none at the end."""
        if self._entries is None:
            asked = {"start_after": self._after} if self._after else {}
            self._entries = aiter(await self._store.list("", recursive=True, **asked))  # type: ignore[arg-type]
        page: list[Stored] = []
        async for entry in self._entries:
            page.append(Stored(entry.path, entry.metadata.content_length))
            if len(page) == _PAGE:
                break
        return page


class _Loop:
    """An event loop on a thread of its own, which ends when nobody holds this any more."""

    def __init__(self) -> None:
        import asyncio

        self._loop = asyncio.new_event_loop()
        # The thread holds the loop and not this object, or neither would ever be let go.
        threading.Thread(target=_turn, args=(self._loop,), name="object store", daemon=True).start()

    def __del__(self) -> None:
        with suppress(RuntimeError):  # at the end of the process it may be closed already
            self._loop.call_soon_threadsafe(self._loop.stop)

    def run(self, make: Callable[[], Coroutine[Any, Any, _T]], limit: float) -> _T:
        """What `make` comes to within `limit` seconds. Raises Failed."""
        import asyncio

        async def bounded() -> _T | Failed:
            try:
                async with asyncio.timeout(limit):
                    return await make()
            except TimeoutError:
                return Failed(Cause.OTHER, "timeout")
            except Exception as error:  # noqa: BLE001 - opendal's errors have no common base
                return failed_by(error)

        outcome: _T | Failed | None = None
        future = asyncio.run_coroutine_threadsafe(bounded(), self._loop)
        try:
            outcome = future.result()
            if isinstance(outcome, Failed):
                raise outcome
            return outcome
        finally:
            future.cancel()  # whoever pressed Ctrl-C waits for nothing
            # A failure's traceback holds this frame: what held the failure in turn would keep the thread.
            del future, outcome


def _turn(loop: "asyncio.AbstractEventLoop") -> None:
    try:
        loop.run_forever()
        loop.run_until_complete(_end_all())
    finally:
        loop.close()


async def _end_all() -> None:
    """What was given up and not told of it yet, or Python would complain of it at the end."""
    import asyncio

    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _paused(failed: Failed, tries: int) -> bool:
    """Whether it is worth another try after `tries`, and the time to wait for it has passed."""
    if tries >= len(failed.pauses):
        return False
    time.sleep(failed.pauses[tries] * random.uniform(0.5, 1))
    return True


def _operator(address: Address, keys: Keys) -> "opendal.AsyncOperator":
    """Nothing is asked of the environment, of ~/.aws or of a metadata service behind the owner's back.

    Raises NeedsExtra.
    """
    try:
        import opendal
    except ModuleNotFoundError:
        raise NeedsExtra("cloud") from None

    options = {
        "bucket": address.bucket,
        "root": "/" + address.prefix,
        "region": address.region,
        "access_key_id": keys.access,
        "secret_access_key": keys.secret,
        "enable_virtual_host_style": "false" if address.path_style else "true",
        "disable_config_load": "true",
        "disable_ec2_metadata": "true",
    }
    if address.endpoint:
        options["endpoint"] = address.endpoint
    if keys.token:
        options["session_token"] = keys.token
    return opendal.AsyncOperator("s3", **options)
