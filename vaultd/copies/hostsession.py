"""Files and folders of another host over one connection. Everything here raises plain OSError.

Paths are whole, and bytes as in `os.fsencode`. Links are not followed, as far as looking before can tell:
protocols have no way to open "but not through a link". No answer longer than what was asked is taken.
"""

import asyncio
import errno
import os
from collections import OrderedDict
from contextlib import aclosing, suppress
from dataclasses import dataclass

from blake3 import blake3

from vaultd.copies.hostfailures import os_error
from vaultd.copies.hostfiles import Files, OpenFile, Room, Status
from vaultd.copies.hostflow import Flow

# Servers allow hundreds of open files; a restore goes through packs in order.
_KEPT = 32
# A folder of a copy holds a few thousand names. A server that never ends must not fill the memory.
_NAMES_LIMIT = 5_000_000
# So many names come with one answer of OpenSSH.
_NAMES_TOGETHER = 100


@dataclass(eq=False, slots=True)
class Opened:
    """A file open on the host, and its length when it was opened. It is closed when `unwanted`, and nobody
    reads.
    """

    file: OpenFile
    size: int
    readers: int = 0
    unwanted: bool = False


class Session:
    """One connection, to be used in its event loop only. `limit` is in seconds, as for `Flow`.

    `syncs` and `syncs_folders`: nothing was seen yet that says the host cannot.
    """

    def __init__(self, files: Files, limit: float) -> None:
        self.files = files
        self.flow = Flow(limit, self.give_up)
        self._kept: OrderedDict[bytes, Opened] = OrderedDict()
        self._changes = 0
        self._closing: set[asyncio.Task[None]] = set()
        self._given_up = False
        self.syncs = self.syncs_folders = True

    @property
    def is_alive(self) -> bool:
        return self.files.is_alive and not self._given_up

    def give_up(self) -> None:
        """Let go at once, whether the host hears of it or not."""
        self._given_up = True
        self.files.abort()

    async def ended(self) -> None:
        """Wait until nothing of the connection is left."""
        await self.files.wait_closed()

    async def status(self, path: bytes) -> Status | None:
        """What stands at `path`, None for nothing."""
        try:
            found = await self.flow.ask(self.files.lstat(path))
        except FileNotFoundError:
            return None
        if found is None:
            raise os_error(errno.EPROTO)
        return found

    async def entries(self, folder: bytes) -> list[tuple[str, Status]]:
        """What stands in `folder`, by names as in `os.fsdecode`; nothing where it is not there.

        The host gives names and attributes together. A name that could lead elsewhere is an error.
        """
        try:
            names = await self._names(folder)
        except FileNotFoundError:
            return []
        found = []
        for name, told in names:
            status = told or await self.status(folder + b"/" + name)
            if status is not None:  # else it was removed since
                found.append((os.fsdecode(name), status))
        return found

    async def open_file(self, path: bytes, size: int) -> Opened:
        """Open what was seen to be a file of `size` bytes: to open a FIFO would hang the host's end."""
        return Opened(await self.flow.ask(self.files.open(path)), size)

    def find(self, path: bytes) -> Opened | None:
        """The file at `path`, where it is kept open."""
        kept = self._kept.get(path)
        if kept is not None:
            self._kept.move_to_end(path)
        return kept

    async def open_to_keep(self, path: bytes, size: int) -> Opened:
        """The same as `open_file`, kept open for the next one where nothing changes at `path` meanwhile;
        else it is closed when it was read once.
        """
        changes = self._changes
        opened = await self.open_file(path, size)
        if changes == self._changes and path not in self._kept:
            self._kept[path] = opened
            if len(self._kept) > _KEPT:
                self.let_go(self._kept.popitem(last=False)[1])
        else:
            opened.unwanted = True
        return opened

    def forget(self, path: bytes) -> None:
        """The file at `path` is, or may be, another one now."""
        self._changes += 1
        kept = self._kept.pop(path, None)
        if kept is not None:
            self.let_go(kept)

    def let_go(self, opened: Opened) -> None:
        """Close without waiting for the answer: nothing that was read hangs on it."""
        opened.unwanted = True
        if opened.readers:
            return

        async def close() -> None:
            with suppress(OSError):
                await opened.file.close()

        task = asyncio.ensure_future(close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def read(self, opened: Opened, offset: int, length: int) -> bytes:
        """Up to `length` bytes from `offset` on; fewer only at the end of the file."""
        out = memoryview(bytearray(max(0, min(length, opened.size - offset))))
        end = len(out)

        async def part(begin: int) -> None:
            nonlocal end
            stop = min(begin + self.files.read_block, len(out))
            while begin < stop:
                data = await opened.file.read(stop - begin, offset + begin)
                if len(data) > stop - begin:
                    raise os_error(errno.EPROTO)
                if not data:
                    end = min(end, begin)
                    return
                out[begin : begin + len(data)] = data
                begin += len(data)

        opened.readers += 1
        try:
            await self.flow.all_of(part(begin) for begin in range(0, len(out), self.files.read_block))
        finally:
            opened.readers -= 1
            if opened.unwanted:
                self.let_go(opened)
        return bytes(out[:end])

    async def digest(self, path: bytes, size: int) -> bytes:
        """BLAKE3 of the file at `path`, written out first; the host may read it from its memory."""
        opened = await self.open_file(path, size)
        try:
            await self.sync(opened)
            return blake3(await self.read(opened, 0, size)).digest()
        finally:
            self.let_go(opened)

    async def remove(self, path: bytes) -> None:
        await self.flow.ask(self.files.remove(path))

    async def room(self, path: bytes) -> Room | None:
        """None where the host does not tell."""
        try:
            return await self.flow.ask(self.files.room(path))
        except OSError as error:
            if error.errno == errno.EOPNOTSUPP:
                return None
            raise

    async def sync(self, opened: Opened) -> None:
        """Have a file written out, where the host can."""
        try:
            await self.flow.ask(opened.file.fsync())
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
                raise
            self.syncs = False

    async def _names(self, folder: bytes) -> list[tuple[bytes, Status | None]]:
        """All of a folder, however long that takes, where names keep coming."""
        found: list[tuple[bytes, Status | None]] = []
        loop, limit = asyncio.get_running_loop(), self.flow.limit
        try:
            async with asyncio.timeout(limit) as timer, aclosing(self.files.scandir(folder)) as listing:
                async for name, status in listing:
                    if name not in (b".", b".."):
                        found.append((name, status))
                    if len(found) % _NAMES_TOGETHER == 0:
                        timer.reschedule(loop.time() + limit)
                    if len(found) > _NAMES_LIMIT or b"/" in name or b"\0" in name:
                        raise os_error(errno.EPROTO)
        except OSError as error:
            raise self.flow.failed(error) from error
        return found
