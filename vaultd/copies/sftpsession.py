"""Files and folders of an SFTP host over one connection. Everything here raises plain OSError.

Paths are whole, and bytes as in `os.fsencode`. Links are not followed, as far as looking before can tell:
the protocol has no way to open "but not through a link". No answer longer than what was asked is taken.
"""

import asyncio
import errno
import os
import stat
from collections import OrderedDict
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import asyncssh
from blake3 import blake3

from vaultd.copies.sftpfailures import os_error
from vaultd.copies.sftpflow import Flow

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

# What a server takes at least, if it does not say more (draft-ietf-secsh-filexfer-02, section 3: 34,000).
_SMALL_BLOCK = 32 * 1024
_BLOCK = 256 * 1024
# Servers allow hundreds of open files; a restore goes through packs in order.
_KEPT = 32
# A folder of a copy holds a few thousand names. A server that never ends must not fill the memory.
_NAMES_LIMIT = 5_000_000
# So many names come with one answer of OpenSSH.
_NAMES_TOGETHER = 100
_ST_RDONLY = 1


@dataclass(frozen=True, slots=True)
class Status:
    """What stands at a name: mode and length in bytes, as `os.lstat` calls them."""

    st_mode: int
    st_size: int

    @property
    def is_file(self) -> bool:
        return stat.S_ISREG(self.st_mode)

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self.st_mode)


@dataclass(frozen=True, slots=True)
class Room:
    """Of a file system: bytes in all, bytes free for this user, and whether it can only be read."""

    total: int
    free: int
    read_only: bool


@dataclass(eq=False, slots=True)
class Opened:
    """A file open on the host, and its length when it was opened. It is closed when `unwanted`, and nobody
    reads.
    """

    file: asyncssh.SFTPClientFile
    size: int
    readers: int = 0
    unwanted: bool = False


class Session:
    """One connection, to be used in its event loop only. `limit` is in seconds, as for `Flow`.

    `syncs` and `syncs_folders`: nothing was seen yet that says the host cannot.
    """

    def __init__(
        self, connection: asyncssh.SSHClientConnection, client: asyncssh.SFTPClient, limit: float
    ) -> None:
        self._connection, self.client = connection, client
        self.flow = Flow(limit, self.give_up)
        self._kept: OrderedDict[bytes, Opened] = OrderedDict()
        self._changes = 0
        self._closing: set[asyncio.Task[None]] = set()
        self._given_up = False
        self._read_block = max(_SMALL_BLOCK, min(client.limits.max_read_len, _BLOCK))
        self.write_block = max(_SMALL_BLOCK, min(client.limits.max_write_len, _BLOCK))
        self.syncs = self.syncs_folders = True

    @property
    def is_alive(self) -> bool:
        return not (self._given_up or self._connection.is_closed())

    def give_up(self) -> None:
        """Let go at once, whether the host hears of it or not."""
        self._given_up = True
        self._connection.abort()

    async def ended(self) -> None:
        """Wait until nothing of the connection is left."""
        await self._connection.wait_closed()

    async def status(self, path: bytes) -> Status | None:
        """What stands at `path`, None for nothing."""
        try:
            found = await self.flow.ask(self.client.lstat(path))
        except FileNotFoundError:
            return None
        if found.permissions is None or found.size is None:
            raise os_error(errno.EPROTO)
        return Status(found.permissions, found.size)

    async def entries(self, folder: bytes) -> list[tuple[str, Status]]:
        """What stands in `folder`, by names as in `os.fsdecode`; nothing where it is not there.

        The host gives names and attributes together. A name that could lead elsewhere is an error.
        """
        try:
            names = await self._names(folder)
        except FileNotFoundError:
            return []
        found = []
        for name, attrs in names:
            if attrs.permissions is None or attrs.size is None:
                status = await self.status(folder + b"/" + name)
            else:
                status = Status(attrs.permissions, attrs.size)
            if status is not None:  # else it was removed since
                found.append((os.fsdecode(name), status))
        return found

    async def open_file(self, path: bytes, size: int) -> Opened:
        """Open what was seen to be a file of `size` bytes: to open a FIFO would hang the host's end."""
        return Opened(await self.flow.ask(self.client.open(path, "rb", encoding=None, block_size=0)), size)

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
            with suppress(OSError, ValueError, asyncssh.Error):
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
            stop = min(begin + self._read_block, len(out))
            while begin < stop:
                data = cast("bytes", await opened.file.read(stop - begin, offset + begin))
                if len(data) > stop - begin:
                    raise os_error(errno.EPROTO)
                if not data:
                    end = min(end, begin)
                    return
                out[begin : begin + len(data)] = data
                begin += len(data)

        opened.readers += 1
        try:
            await self.flow.all_of(part(begin) for begin in range(0, len(out), self._read_block))
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
        await self.flow.ask(self.client.remove(path))

    async def room(self, path: bytes) -> Room | None:
        """None where the host does not tell."""
        try:
            found = await self.flow.ask(self.client.statvfs(path))
        except OSError as error:
            if error.errno == errno.EOPNOTSUPP:
                return None
            raise
        # Without a free inode nothing fits either; some file systems have no such thing.
        free = 0 if found.files and not found.favail else found.bavail
        return Room(found.frsize * found.blocks, found.frsize * free, bool(found.flags & _ST_RDONLY))

    async def sync(self, opened: Opened) -> None:
        """Have a file written out, where the host can."""
        try:
            await self.flow.ask(opened.file.fsync())
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
                raise
            self.syncs = False

    async def _names(self, folder: bytes) -> list[tuple[bytes, asyncssh.SFTPAttrs]]:
        """All of a folder, however long that takes, where names keep coming."""
        found: list[tuple[bytes, asyncssh.SFTPAttrs]] = []
        loop, limit = asyncio.get_running_loop(), self.flow.limit
        listing = cast("AsyncGenerator[asyncssh.SFTPName]", self.client.scandir(folder))
        try:
            async with asyncio.timeout(limit) as timer, aclosing(listing):
                async for entry in listing:
                    if (name := os.fsencode(entry.filename)) not in (b".", b".."):
                        found.append((name, entry.attrs))
                    if len(found) % _NAMES_TOGETHER == 0:
                        timer.reschedule(loop.time() + limit)
                    if len(found) > _NAMES_LIMIT or b"/" in name or b"\0" in name:
                        raise os_error(errno.EPROTO)
        except (asyncssh.Error, OSError) as error:
            raise self.flow.failed(error) from error
        return found
