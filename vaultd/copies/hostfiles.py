"""What a protocol for files on another host must be able to do, so that a copy can stand behind it.

Paths are whole, and bytes as in `os.fsencode`. Everything raises plain OSError, with the errno that the
system would give: ENOENT, EEXIST, ENOSPC; `FAILURE` where the host said no more than that it failed;
EOPNOTSUPP for what the protocol or the host does not have; and `Lost` where the connection is gone.
"""

import stat
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol


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


class OpenFile(Protocol):
    """A file open on the host."""

    async def read(self, size: int, offset: int) -> bytes: ...
    async def write(self, data: bytes, offset: int) -> None: ...
    async def fsync(self) -> None: ...
    async def close(self) -> None: ...


class Files(Protocol):
    """One connection. `read_block` and `write_block` are bytes that one request may carry."""

    read_block: int
    write_block: int

    @property
    def is_alive(self) -> bool: ...

    def abort(self) -> None:
        """Let go at once, whether the host hears of it or not."""
        ...

    async def wait_closed(self) -> None: ...

    async def lstat(self, path: bytes) -> Status | None:
        """Of the name itself, not of what a link leads to; None where the host does not say."""
        ...

    def scandir(self, folder: bytes) -> AsyncGenerator[tuple[bytes, Status | None], None]:
        """Every name in a folder, "." and ".." perhaps among them."""
        ...

    async def open(self, path: bytes) -> OpenFile:
        """For reading: a file, or a folder where the host can write one out."""
        ...

    async def create(self, path: bytes) -> OpenFile:
        """A file that was not there, for reading and writing, and for nobody else."""
        ...

    async def remove(self, path: bytes) -> None: ...
    async def rename(self, old: bytes, new: bytes) -> None: ...

    async def replace(self, old: bytes, new: bytes) -> None:
        """Rename over what stands there, in one step."""
        ...

    async def mkdir(self, path: bytes) -> None: ...
    async def room(self, path: bytes) -> Room: ...
