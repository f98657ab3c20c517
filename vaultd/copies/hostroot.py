"""The folder of a copy on another host: whether it is still this copy, and what stands in it.

The protocol goes by paths alone; no folder is held open under them. So where a directory copy trusts its
descriptor, here `vault.id` is read again: before each write, before the rename that ends it, and before a
name is called missing. A disk that is pulled out between the last look and the rename takes the unfinished
file with it, so the rename finds nothing and fails.
"""

import asyncio
import errno
import os
from collections.abc import Sequence
from typing import Protocol

from vaultd.copies.hostfailures import FAILURE, Lost, os_error
from vaultd.copies.hostfiles import Status
from vaultd.copies.hostsession import Session
from vaultd.copies.identity import ID_LENGTH, VaultId
from vaultd.copies.names import QUARANTINE, is_folder, split
from vaultd.copies.walk import may_hold
from vaultd.errors import Damaged, TooNew, Unreachable, WrongPlace

# What else a file needs beside its bytes, at most: blocks of its folder, of its own table.
_BESIDE = 64 * 1024

Found = tuple[str, Status]


class Address(Protocol):
    """Where a copy stands: its folder as the host knows it, and the URL as it is shown."""

    @property
    def path(self) -> str: ...

    @property
    def host(self) -> str: ...

    @property
    def url(self) -> str: ...

    @property
    def above(self) -> str:
        """The URL of the folder that it stands in."""
        ...


class Root:
    """Where a copy stands on its host, and which copy that has to be."""

    def __init__(self, address: Address, identity: VaultId, label: str) -> None:
        self.identity = identity
        self.address, self._label = address, label
        self._bytes = identity.encode()

    @property
    def url(self) -> str:
        return self.address.url

    def path(self, name: str) -> bytes:
        """Of a name in the copy ("" is the folder itself), as the host knows it."""
        return path_of(self.address, name)

    async def check(self, session: Session) -> None:
        """That the folder is still this copy. Raises WrongPlace; OSError where it is not there at all."""
        found = await read_id(session, self.address)
        if found == self._bytes:
            return
        if found is None and await session.status(self.path("")) is None:
            raise os_error(errno.ENOENT)
        raise WrongPlace(self.url, self.identity.copy_id.hex(), _who(found))

    async def answer(self, session: Session) -> None:
        """Where another `vault.id` stands, or none, nothing is missing: this is not the copy. Raises
        Unreachable.
        """
        if await read_id(session, self.address) != self._bytes:
            raise Unreachable(self._label, "vault.id")

    async def really_missing(self, session: Session, name: str) -> None:
        """That nothing stands at `name` because this copy does not hold it. Raises Unreachable, OSError."""
        await self.answer(session)
        parts = split(name)[0].split("/")
        above = ["/".join(parts[: end + 1]) for end in range(len(parts)) if parts[0]]
        for status in await asyncio.gather(*(session.status(self.path(each)) for each in above)):
            if status is not None and not status.is_folder:
                raise os_error(errno.ENOTDIR)  # which OpenSSH calls "no such file"

    async def look_into(
        self, session: Session, folders: Sequence[str], prefix: str
    ) -> tuple[list[Found], list[str]]:
        """What stands in the folders, quarantine left out, and which of that are folders to look into next.

        All of them are asked at once: one after the other, the way there and back would be all the time.
        """
        asked = (session.entries(self.path(folder)) for folder in folders)
        found, deeper = list[Found](), list[str]()
        for folder, listed in zip(folders, await asyncio.gather(*asked), strict=True):
            for leaf, status in listed:
                name = f"{folder}/{leaf}" if folder else leaf
                if not (is_folder(name) and status.is_folder):
                    found.append((name, status))
                elif name != QUARANTINE and may_hold(name + "/", prefix):
                    deeper.append(name)
        return found, deeper

    async def explained(self, session: Session, error: OSError, needed: int = 0) -> OSError:
        """What a bare "failure" of a write of `needed` bytes was, as far as the file system tells."""
        if error.errno != FAILURE or isinstance(error, Lost):
            return error
        try:
            room = await session.room(self.path(""))
        except OSError:
            return error
        if room is not None and room.read_only:
            return os_error(errno.EROFS)
        if room is not None and room.free < needed + _BESIDE:
            return os_error(errno.ENOSPC)
        return error


def path_of(address: Address, name: str) -> bytes:
    return os.fsencode(f"{address.path}/{name}" if name else address.path)


async def read_id(session: Session, address: Address) -> bytes | None:
    """The first bytes of `vault.id`, enough to tell; None where there is none."""
    try:
        opened = await session.open_file(path_of(address, "vault.id"), ID_LENGTH + 1)
    except FileNotFoundError:
        return None
    try:
        return await session.read(opened, 0, ID_LENGTH + 1)
    finally:
        session.let_go(opened)


def _who(found: bytes | None) -> str:
    """The id of the copy that stands there, "" for none."""
    try:
        return VaultId.decode(found or b"").copy_id.hex()
    except (Damaged, TooNew):
        return ""
