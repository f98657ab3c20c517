"""SMB as `Files`, by smbprotocol.

All requests of one connection go through one thread, one after the other: the library counts what a server
allows under way for each connection, and not for each thread. What the protocol cannot do, or the library not
ask for: writing out a folder, and telling a file system that can only be read.
"""

import asyncio
import errno
import logging
import socket
import stat
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar
from weakref import WeakSet

import smbclient
from smbprotocol.exceptions import SMBException, SMBOSError, SMBResponseException
from smbprotocol.file_info import FileAttributes
from smbprotocol.header import NtStatus

from vaultd.copies.hostfailures import FAILURE, as_lost, lost, os_error
from vaultd.copies.hostfiles import Room, Status

# Whatever it warns of is raised as well, and told in full by whoever catches it.
logging.getLogger("smbprotocol").setLevel(logging.CRITICAL)
_T = TypeVar("_T")
_BLOCK = 1 << 20
# [MS-ERREF] 2.3.1, what the library does not name as the system would.
_CODES = {
    NtStatus.STATUS_ACCESS_DENIED: errno.EACCES,
    NtStatus.STATUS_OBJECT_NAME_INVALID: errno.EINVAL,
    NtStatus.STATUS_SHARING_VIOLATION: errno.EBUSY,
    NtStatus.STATUS_NOT_SUPPORTED: errno.EOPNOTSUPP,
    0xC000007F: errno.ENOSPC,  # STATUS_DISK_FULL
    0xC0000044: errno.EDQUOT,  # STATUS_QUOTA_EXCEEDED
    0xC0000802: errno.EDQUOT,  # STATUS_DISK_QUOTA_EXCEEDED
    0xC00000A2: errno.EROFS,  # STATUS_MEDIA_WRITE_PROTECTED
    0xC0000056: errno.ENOENT,  # STATUS_DELETE_PENDING
}
_GONE = frozenset(
    {
        0xC00000C9,  # STATUS_NETWORK_NAME_DELETED
        0xC0000203,  # STATUS_USER_SESSION_DELETED
        0xC000035C,  # STATUS_NETWORK_SESSION_EXPIRED
        0xC000020C,  # STATUS_CONNECTION_DISCONNECTED
        0xC000020D,  # STATUS_CONNECTION_RESET
    }
)


def status_of(error: BaseException) -> int | None:
    """What the server answered; None where it did not."""
    if isinstance(error, SMBOSError):
        return int(error.ntstatus)
    return int(error.status) if isinstance(error, SMBResponseException) else None


def as_os_error(error: Exception) -> OSError:
    """What smbprotocol, or a socket, raised."""
    status = status_of(error)
    if status is not None:
        if status in _GONE:
            return lost()
        known = error.errno if isinstance(error, SMBOSError) and status not in _CODES else 0
        return os_error(_CODES.get(status, known or FAILURE))
    return as_lost(error) if isinstance(error, OSError) else lost()


class Connected:
    """A connection that was made, and the one thread that uses it. `close` ends it."""

    def __init__(self, host: str, port: int, cache: dict[str, Any]) -> None:
        self.host = host
        self.words: dict[str, Any] = {"port": port, "connection_cache": cache}
        self._cache = cache
        self._thread = ThreadPoolExecutor(1, "vaultd-smb")
        self._open: WeakSet[Any] = WeakSet()
        self._closed = False

    @property
    def is_alive(self) -> bool:
        return not self._closed and all(each.transport.connected for each in self._cache.values())

    def close(self) -> None:
        """At once, whoever waits for an answer."""
        self._closed = True
        for connection in self._cache.values():
            # A thread that sends to a server that hangs is not woken by closing alone.
            with suppress(OSError, AttributeError):
                connection.transport._sock.shutdown(socket.SHUT_RDWR)
            with suppress(OSError, SMBException, AttributeError):
                connection.transport.close()
        for file in self._open:
            file.fd._connected = False
        self._thread.shutdown(wait=False, cancel_futures=True)

    def holds(self, file: Any) -> None:
        """This file is open, and ends with the connection."""
        self._open.add(file)

    def unc(self, path: bytes) -> str:
        """A path as the protocol writes it. Its first part is the share."""
        parts = [part for part in path.decode("utf-8", "surrogateescape").split("/") if part not in ("", ".")]
        return "\\\\" + "\\".join([self.host, *parts])

    async def run(self, work: Callable[[], _T]) -> _T:
        """What `work` comes to, in the thread. Raises OSError."""
        if not self.is_alive:
            raise lost()  # the library would connect anew, without asking us
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (SMBException, ValueError, RuntimeError, OSError) as error:
            raise as_os_error(error) from error


class SmbFile:
    """A file open on an SMB host; see `OpenFile`."""

    def __init__(self, connected: Connected, file: Any) -> None:
        self._connected, self._file = connected, file

    async def read(self, size: int, offset: int) -> bytes:
        def work() -> bytes:
            self._file.seek(offset)
            return bytes(self._file.read(size) or b"")

        return await self._connected.run(work)

    async def write(self, data: bytes, offset: int) -> None:
        def work() -> None:
            at = 0
            while at < len(data):
                self._file.seek(offset + at)
                written = self._file.write(data[at:])
                if not written:
                    raise os_error(errno.EIO)
                at += written

        await self._connected.run(work)

    async def fsync(self) -> None:
        await self._connected.run(self._file.flush)

    async def close(self) -> None:
        await self._connected.run(self._file.close)


class SmbFiles:
    """See `Files`."""

    def __init__(self, connected: Connected) -> None:
        self._connected = connected
        self.read_block = self.write_block = _BLOCK

    @property
    def is_alive(self) -> bool:
        return self._connected.is_alive

    def abort(self) -> None:
        self._connected.close()

    async def wait_closed(self) -> None:
        """Nothing of it is waited for: its thread ends by itself."""

    async def lstat(self, path: bytes) -> Status | None:
        found = await self._call(smbclient.lstat, path)
        return Status(found.st_mode, found.st_size)

    async def scandir(self, folder: bytes) -> AsyncGenerator[tuple[bytes, Status | None], None]:
        unc, words = self._connected.unc(folder), self._connected.words

        def work() -> list[tuple[bytes, Status | None]]:
            return [_listed(entry) for entry in smbclient.scandir(unc, **words)]

        for each in await self._connected.run(work):
            yield each

    async def open(self, path: bytes) -> SmbFile:
        try:
            return await self._opened(path, "rb")
        except IsADirectoryError:
            raise os_error(errno.EOPNOTSUPP) from None

    async def create(self, path: bytes) -> SmbFile:
        return await self._opened(path, "xb+")

    async def remove(self, path: bytes) -> None:
        await self._call(smbclient.remove, path)

    async def rename(self, old: bytes, new: bytes) -> None:
        await self._call(smbclient.rename, old, new)

    async def replace(self, old: bytes, new: bytes) -> None:
        await self._call(smbclient.replace, old, new)

    async def mkdir(self, path: bytes) -> None:
        await self._call(smbclient.mkdir, path)

    async def room(self, path: bytes) -> Room:
        found = await self._call(smbclient.stat_volume, path)
        return Room(found.total_size, found.caller_available_size, read_only=False)

    async def _opened(self, path: bytes, mode: str) -> SmbFile:
        unc, words = self._connected.unc(path), self._connected.words

        def work() -> Any:
            # Whoever renames or removes a file that somebody reads must be able to.
            return smbclient.open_file(unc, mode, buffering=0, share_access="rwd", **words)

        file = await self._connected.run(work)
        self._connected.holds(file)
        return SmbFile(self._connected, file)

    async def _call(self, function: Callable[..., Any], *paths: bytes) -> Any:
        uncs, words = [self._connected.unc(path) for path in paths], self._connected.words
        return await self._connected.run(lambda: function(*uncs, **words))


def _listed(entry: Any) -> tuple[bytes, Status | None]:
    told = entry.smb_info
    if told.file_attributes & FileAttributes.FILE_ATTRIBUTE_REPARSE_POINT:
        kind = stat.S_IFLNK
    elif told.file_attributes & FileAttributes.FILE_ATTRIBUTE_DIRECTORY:
        kind = stat.S_IFDIR
    else:
        kind = stat.S_IFREG
    return entry.name.encode("utf-8", "surrogateescape"), Status(kind, told.end_of_file)
