"""SFTP as `Files`, by asyncssh.

Version 3 of the protocol, which everybody speaks, has few words for errors: a full disk, a read-only one and
a broken one are all "failure". What it was is looked for afterwards.
"""

import errno
import os
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from typing import TypeVar, cast

import asyncssh

from vaultd.copies.hostfailures import FAILURE, as_lost, lost, os_error
from vaultd.copies.hostfiles import Room, Status

_T = TypeVar("_T")
# What a server takes at least, if it does not say more (draft-ietf-secsh-filexfer-02, section 3: 34,000).
_SMALL_BLOCK = 32 * 1024
_BLOCK = 256 * 1024
_ST_RDONLY = 1
_NEW = asyncssh.FXF_READ | asyncssh.FXF_WRITE | asyncssh.FXF_CREAT | asyncssh.FXF_EXCL
_CODES = {
    asyncssh.FX_NO_SUCH_FILE: errno.ENOENT,
    asyncssh.FX_NO_SUCH_PATH: errno.ENOENT,
    asyncssh.FX_PERMISSION_DENIED: errno.EACCES,
    asyncssh.FX_WRITE_PROTECT: errno.EROFS,
    asyncssh.FX_NO_SPACE_ON_FILESYSTEM: errno.ENOSPC,
    asyncssh.FX_QUOTA_EXCEEDED: errno.EDQUOT,
    asyncssh.FX_FILE_ALREADY_EXISTS: errno.EEXIST,
    asyncssh.FX_OP_UNSUPPORTED: errno.EOPNOTSUPP,
    asyncssh.FX_BAD_MESSAGE: errno.EINVAL,  # so OpenSSH says EINVAL
}


def as_os_error(error: Exception) -> OSError:
    """What asyncssh, or a socket, raised."""
    if isinstance(error, OSError):
        return as_lost(error)
    gone = asyncssh.SFTPConnectionLost | asyncssh.SFTPNoConnection
    if isinstance(error, asyncssh.SFTPError) and not isinstance(error, gone):
        return os_error(_CODES.get(error.code, FAILURE))
    return lost()


async def _told(request: Awaitable[_T]) -> _T:
    try:
        return await request
    except (asyncssh.Error, OSError) as error:
        raise as_os_error(error) from error


class SftpFile:
    """A file open on an SFTP host."""

    def __init__(self, file: asyncssh.SFTPClientFile) -> None:
        self._file = file

    async def read(self, size: int, offset: int) -> bytes:
        return cast("bytes", await _told(self._file.read(size, offset)))

    async def write(self, data: bytes, offset: int) -> None:
        await _told(self._file.write(data, offset))

    async def fsync(self) -> None:
        await _told(self._file.fsync())

    async def close(self) -> None:
        try:
            await _told(self._file.close())
        except ValueError:  # it is closed
            return


class SftpFiles:
    """See `Files`."""

    def __init__(self, connection: asyncssh.SSHClientConnection, client: asyncssh.SFTPClient) -> None:
        self._connection, self._client = connection, client
        self.read_block = max(_SMALL_BLOCK, min(client.limits.max_read_len, _BLOCK))
        self.write_block = max(_SMALL_BLOCK, min(client.limits.max_write_len, _BLOCK))

    @property
    def is_alive(self) -> bool:
        return not self._connection.is_closed()

    def abort(self) -> None:
        self._connection.abort()

    async def wait_closed(self) -> None:
        await self._connection.wait_closed()

    async def lstat(self, path: bytes) -> Status | None:
        return _status(await _told(self._client.lstat(path)))

    async def scandir(self, folder: bytes) -> AsyncGenerator[tuple[bytes, Status | None], None]:
        listing = cast("AsyncGenerator[asyncssh.SFTPName]", self._client.scandir(folder))
        try:
            async with aclosing(listing):
                async for entry in listing:
                    yield os.fsencode(entry.filename), _status(entry.attrs)
        except (asyncssh.Error, OSError) as error:
            raise as_os_error(error) from error

    async def open(self, path: bytes) -> SftpFile:
        return SftpFile(await _told(self._client.open(path, "rb", encoding=None, block_size=0)))

    async def create(self, path: bytes) -> SftpFile:
        # Others must not read it: chmod afterwards would be refused by many.
        mode = asyncssh.SFTPAttrs(permissions=0o600)
        return SftpFile(await _told(self._client.open(path, _NEW, mode, encoding=None, block_size=0)))

    async def remove(self, path: bytes) -> None:
        await _told(self._client.remove(path))

    async def rename(self, old: bytes, new: bytes) -> None:
        await _told(self._client.rename(old, new))

    async def replace(self, old: bytes, new: bytes) -> None:
        await _told(self._client.posix_rename(old, new))

    async def mkdir(self, path: bytes) -> None:
        await _told(self._client.mkdir(path, asyncssh.SFTPAttrs(permissions=0o700)))

    async def room(self, path: bytes) -> Room:
        found = await _told(self._client.statvfs(path))
        # Without a free inode nothing fits either; some file systems have no such thing.
        free = 0 if found.files and not found.favail else found.bavail
        return Room(found.frsize * found.blocks, found.frsize * free, bool(found.flags & _ST_RDONLY))


def _status(attrs: asyncssh.SFTPAttrs) -> Status | None:
    if attrs.permissions is None or attrs.size is None:
        return None
    return Status(attrs.permissions, attrs.size)
