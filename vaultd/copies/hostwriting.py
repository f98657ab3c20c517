"""How a file gets into a copy on an SFTP host, so that no lost connection leaves half of one.

The order is that of `writing`: `.tmp` beside the final name, fsync where the host knows it, all of it read
back and compared, is this still our copy, rename without overwriting, fsync of the folder.
"""

import asyncio
import errno
import re
import secrets
from contextlib import suppress

from vaultd.copies import hostchanges as changes
from vaultd.copies.contract import FILE_LIMIT
from vaultd.copies.folder import FolderUnsynced, Unsynced
from vaultd.copies.hostfailures import FAILURE, Lost, os_error
from vaultd.copies.hostroot import Root
from vaultd.copies.hostsession import Session
from vaultd.copies.names import QUARANTINE, REPLACEABLE, quarantine_name, split, unfinished_name

# Each means that somebody else put, damaged or removed the same file in the meantime, which now and then
# happens three times in a row. The end is for a file system that says of every name that it is taken.
_ATTEMPTS = 20
# Names share this many locks: calls seldom wait for one another, and no lock is ever to be tidied up.
_STRIPES = 64


class Writer:
    """Writes into one copy as `device` (16 hex digits), in the event loop of its link.

    Two calls for one name take turns, so that what one has just put the other does not set aside.
    """

    def __init__(self, root: Root, device: str) -> None:
        if not re.fullmatch("[0-9a-f]{16}", device):
            raise ValueError(device)
        self._root, self._device = root, device
        self._durable: set[str] = set()
        self._uncertain = False
        self._turns = tuple(asyncio.Lock() for _ in range(_STRIPES))
        self.under_way: set[str] = set()

    def turn(self, name: str) -> asyncio.Lock:
        return self._turns[hash(name) % _STRIPES]

    async def put(self, session: Session, name: str, digest: bytes, data: memoryview) -> None:
        """Store `data`, whose BLAKE3 is `digest`, durably. Raises OSError, WrongPlace."""
        if self._uncertain:
            raise FolderUnsynced(FAILURE, "folder")
        async with self.turn(name):
            try:
                await self._put(session, name, digest, data)
            except FileNotFoundError:
                # Its folder went away, with whatever it held.
                if split(name)[0] not in self._durable:
                    raise
                self._durable.discard(split(name)[0])
                await self._put(session, name, digest, data)
            except FolderUnsynced:
                self._uncertain = True
                raise

    async def quarantine(self, session: Session, name: str, digest: bytes | None) -> None:
        """Move `name` to quarantine, durably, unless its BLAKE3 is `digest`. Raises OSError."""
        async with self.turn(name):
            await self._root.check(session)
            if await self._move_aside(session, name, digest):
                await self._sync(session, QUARANTINE, split(name)[0])

    async def remove(self, session: Session, name: str) -> None:
        """Remove `name` durably, or see to it that an earlier removal is durable. Raises OSError."""
        async with self.turn(name):
            await self._root.check(session)
            path = self._root.path(name)
            session.forget(path)
            with suppress(FileNotFoundError):
                await session.remove(path)
            session.forget(path)
            with suppress(FileNotFoundError):
                await self._sync(session, split(name)[0])

    async def try_out(self, session: Session) -> tuple[bool, bool]:
        """Whether creating, and whether renaming, refuses a taken name. Raises OSError, WrongPlace."""
        await self._root.check(session)
        first, second = self._unfinished("vault.id"), self._unfinished("vault.id")
        paths = [self._root.path(name) for name in (first, second)]
        try:
            for path in paths:
                await changes.write_new(session, path, memoryview(b"1"))
            exclusive = keeps = True
            with suppress(FileExistsError):
                await changes.write_new(session, paths[0], memoryview(b"2"))
                exclusive = False
            with suppress(FileExistsError):
                await changes.rename(session, *paths)
                keeps = False
            return exclusive, keeps
        finally:
            for name in (first, second):
                await self._discard(session, name)

    async def _put(self, session: Session, name: str, digest: bytes, data: memoryview) -> None:
        where = split(name)[0]
        await self._root.check(session)
        await self._durable_folder(session, where)
        if not await self._holds(session, name, digest):
            await self._write(session, name, digest, data)
        await self._sync(session, where)

    async def _durable_folder(self, session: Session, where: str) -> None:
        """Once for each folder its parents are synced, whoever made it."""
        if where in self._durable or not where:
            return
        parts = where.split("/")
        for end in range(len(parts)):
            await changes.make_folder(session, self._root.path("/".join(parts[: end + 1])))
            await self._sync(session, "/".join(parts[:end]))
        self._durable.add(where)

    async def _write(self, session: Session, name: str, digest: bytes, data: memoryview) -> None:
        unfinished = await self._write_aside(session, name, data)
        try:
            await self._root.check(session)
            old, new = self._root.path(unfinished), self._root.path(name)
            if name in REPLACEABLE:
                await changes.replace(session, old, new)
            else:
                await self._land(session, unfinished, name, digest)
        except BaseException:
            await self._discard(session, unfinished)
            raise
        self.under_way.discard(unfinished)

    async def _write_aside(self, session: Session, name: str, data: memoryview) -> str:
        """One more try, with a new file: what could not be written is forgotten with the old one."""
        try:
            return await self._write_once(session, name, data)
        except Unsynced:
            return await self._write_once(session, name, data)

    async def _write_once(self, session: Session, name: str, data: memoryview) -> str:
        unfinished = self._unfinished(name)
        try:
            await changes.write_new(session, self._root.path(unfinished), data)
        except OSError as error:
            # Now, while the half of it that is there still fills the disk.
            why = await self._root.explained(session, error, len(data))
            await self._discard(session, unfinished)
            raise why from None
        except BaseException:
            await self._discard(session, unfinished)
            raise
        return unfinished

    async def _land(self, session: Session, unfinished: str, name: str, digest: bytes) -> None:
        """Give the finished file its name; what stands there with other bytes goes to quarantine first."""
        old, new = self._root.path(unfinished), self._root.path(name)
        aside = False
        for _ in range(_ATTEMPTS):
            try:
                await changes.rename_new(session, old, new)
                break
            except FileExistsError:
                moved = await self._move_aside(session, name, digest)
                if not moved and await self._holds(session, name, digest):
                    await self._discard(session, unfinished)
                    break
                aside = aside or moved
        else:
            raise os_error(errno.EEXIST)
        if aside:
            await self._sync(session, QUARANTINE)

    async def _move_aside(self, session: Session, name: str, digest: bytes | None) -> bool:
        """Whether something damaged stood at `name`, and is in quarantine now; that is not synced yet."""
        if not await self._is_damaged(session, name, digest):
            return False
        await self._durable_folder(session, QUARANTINE)
        path = self._root.path(name)
        session.forget(path)
        aside = self._root.path(quarantine_name(name, secrets.token_hex(8)))
        await changes.rename_new(session, path, aside)
        session.forget(path)
        return True

    async def _is_damaged(self, session: Session, name: str, digest: bytes | None) -> bool:
        """Whether something stands there that has other bytes, or bytes that cannot be read."""
        try:
            found = await self._digest_at(session, name)
        except Lost:
            raise
        except OSError:
            return True
        return found is not None and found != digest

    async def _holds(self, session: Session, name: str, digest: bytes) -> bool:
        """Whether the host holds the right bytes, written out."""
        return await self._digest_at(session, name) == digest

    async def _digest_at(self, session: Session, name: str) -> bytes | None:
        """BLAKE3 of what stands at `name`, b"" for what is no file of ours, None for nothing."""
        path = self._root.path(name)
        status = await session.status(path)
        if status is None:
            return None
        if not status.is_file or status.st_size > FILE_LIMIT:
            return b""
        try:
            return await session.digest(path, status.st_size)
        except FileNotFoundError:
            return None

    async def _sync(self, session: Session, *folders: str) -> None:
        for folder in folders:
            await changes.sync_folder(session, self._root.path(folder))

    async def _discard(self, session: Session, unfinished: str) -> None:
        """Remove an unfinished write, if that can be done; otherwise the next sweep does it."""
        with suppress(OSError):
            if session.is_alive:
                await session.remove(self._root.path(unfinished))
        self.under_way.discard(unfinished)

    def _unfinished(self, name: str) -> str:
        """A new name, which this object's own sweep leaves alone."""
        made = unfinished_name(name, self._device, secrets.token_hex(8))
        self.under_way.add(made)
        return made
