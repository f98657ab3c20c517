"""A copy on a host that speaks SFTP: a NAS, a rented server, a friend's computer.

It keeps every promise of the contract, with what the protocol cannot do said here:

* **`read_back` reads what the host sends**, and the host may send it from its memory: there is no way to ask
  for the disk. Each file is written out first (fsync), where the host offers that.
* **Durable is what the host calls durable.** OpenSSH has fsync, for folders too; of a host without it,
  `abilities().syncs` is False, and a power cut there may take what it said it had.
* **Paths, not open folders.** See `hostroot`: the copy is looked at again before each write and its rename.
  A link is seen by looking before, not while opening.
* **A name that the host itself leaves out of a listing** cannot be known; a listing that it did not end well
  is an error.
* **A text is replaced in one step** where the host knows `posix-rename`, else in two; the next check writes
  one that fell between them.

A host that hangs is given up after the time limit of `hostlink`; a lost connection is made anew once.
Both are Unreachable where that does not help.
"""

import errno
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import TypeVar

from blake3 import blake3

from vaultd.copies.contract import FILE_LIMIT, Abilities, Buffer, Copy, Space, Stored
from vaultd.copies.failures import refused, unreachable
from vaultd.copies.hostlink import Link
from vaultd.copies.hostroot import Found, Root
from vaultd.copies.hostsession import Opened, Session
from vaultd.copies.hostwriting import Writer
from vaultd.copies.names import (
    QUARANTINE,
    REPLACEABLE,
    check_readable,
    digest_of,
    parse_unfinished,
)
from vaultd.copies.walk import is_blocked, is_stranger
from vaultd.errors import Damaged, Missing
from vaultd.ids import parse

_T = TypeVar("_T")
# So many folders are listed at once; a copy has 260.
_FOLDERS_TOGETHER = 32


class HostCopy(Copy):
    """See `Copy`, and the module for what is different here. Made by `hostplace` only.

    An fsync of a folder that failed leaves its names uncertain for good, so from then on every `put` raises
    Unreachable, until the copy is opened anew.
    """

    def __init__(self, link: Link, root: Root, label: str, device: str) -> None:
        self._link, self._root, self._label = link, root, label
        self._writer = Writer(root, device)

    @property
    def label(self) -> str:
        return self._label

    @property
    def vault_id(self) -> bytes:
        return self._root.identity.vault_id

    @property
    def copy_id(self) -> bytes:
        return self._root.identity.copy_id

    def get(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        check_readable(name)
        return self._read(lambda session: self._part(session, name, offset, length))

    def fetch(self, name: str) -> bytes:
        digest = digest_of(name)
        data = self._read(lambda session: self._part(session, name, 0, None))
        if blake3(data).digest() != digest:
            raise Damaged(name, self._label, "digest")
        return data

    def read_back(self, name: str) -> None:
        digest = digest_of(name)

        async def found(session: Session) -> bytes:
            size = await self._size(session, name)
            try:
                return await session.digest(self._root.path(name), size)
            except FileNotFoundError:
                await self._root.really_missing(session, name)
                raise Missing(name, self._label) from None

        if self._read(found) != digest:
            raise Damaged(name, self._label, "digest")

    def put(self, name: str, data: Buffer) -> None:
        view = memoryview(data).cast("B")
        digest = blake3(view).digest() if name in REPLACEABLE else digest_of(name)
        if len(view) > FILE_LIMIT:
            raise ValueError(name)
        self._write(lambda session: self._writer.put(session, name, digest, view))

    def list(self, prefix: str = "") -> Iterator[Stored]:
        for name, status in self._walk(prefix):
            if is_blocked(name, prefix):
                raise unreachable(NotADirectoryError(errno.ENOTDIR, name), self._label)
            if name.startswith(prefix) and status.is_file and parse(name):
                yield Stored(name, status.st_size)

    def strangers(self) -> Iterator[str]:
        for name, status in self._walk():
            if is_stranger(name, status):
                yield name

    def quarantined(self) -> Iterator[Stored]:
        async def look(session: Session) -> list[Stored]:
            found = await session.entries(self._root.path(QUARANTINE))
            await self._root.answer(session)
            return [
                Stored(f"{QUARANTINE}/{leaf}", status.st_size) for leaf, status in found if status.is_file
            ]

        yield from self._read(look)

    def remove(self, name: str) -> None:
        digest_of(name)
        self._write(lambda session: self._writer.remove(session, name))

    def quarantine(self, name: str, whole: bool = False) -> None:
        digest = digest_of(name)
        self._write(lambda session: self._writer.quarantine(session, name, None if whole else digest))

    def sweep(self, device: str) -> int:
        self._write(self._root.check)
        mine = [name for name, status in self._walk() if status.is_file and self._may_sweep(name, device)]

        async def remove(session: Session) -> None:
            await self._root.check(session)
            for name in mine:
                with suppress(FileNotFoundError):
                    await session.remove(self._root.path(name))

        self._write(remove)
        return len(mine)

    def space(self) -> Space:
        room = self._read(lambda session: session.room(self._root.path("")))
        return Space(room.total, room.free) if room else Space(0, 0)

    def abilities(self) -> Abilities:
        async def ask(session: Session) -> Abilities:
            exclusive, keeps = await self._writer.try_out(session)
            syncs = session.syncs and session.syncs_folders
            return Abilities(exclusive, keeps, syncs, past_cache=False)

        return self._write(ask)

    def close(self) -> None:
        self._link.close()

    def _walk(self, prefix: str = "") -> Iterator[Found]:
        """As `walk.walk`, of a copy that is still there at the end."""
        waiting = [""]
        while waiting:
            folders, waiting = waiting[:_FOLDERS_TOGETHER], waiting[_FOLDERS_TOGETHER:]
            found, deeper = self._read(partial(self._root.look_into, folders=folders, prefix=prefix))
            yield from found
            waiting += deeper
        self._read(self._root.answer)

    def _may_sweep(self, name: str, device: str) -> bool:
        """Whether this is an unfinished write of `device`, and not one that goes on right now."""
        unfinished = parse_unfinished(name)
        return unfinished is not None and unfinished[0] == device and name not in self._writer.under_way

    async def _part(self, session: Session, name: str, offset: int, length: int | None) -> bytes:
        """As `get`. The file is kept open where only a part is read: another one is likely to follow."""
        path = self._root.path(name)
        opened = None if length is None else session.find(path)
        if opened is None:
            opened = await self._open(session, name, keep=length is not None)
        start = max(0, opened.size + offset) if offset < 0 else offset
        try:
            return await session.read(opened, start, opened.size if length is None else length)
        except OSError:
            session.forget(path)
            raise

    async def _open(self, session: Session, name: str, *, keep: bool) -> Opened:
        """Open a file to read from once, or more often. Raises Missing, Damaged, Unreachable, OSError."""
        size = await self._size(session, name)
        try:
            if keep:
                return await session.open_to_keep(self._root.path(name), size)
            opened = await session.open_file(self._root.path(name), size)
        except FileNotFoundError:
            await self._root.really_missing(session, name)
            raise Missing(name, self._label) from None
        opened.unwanted = True
        return opened

    async def _size(self, session: Session, name: str) -> int:
        """Raises Missing, Damaged (not a file, or over the limit), Unreachable, OSError."""
        status = await session.status(self._root.path(name))
        if status is None:
            await self._root.really_missing(session, name)
            raise Missing(name, self._label)
        if not status.is_file:
            raise Damaged(name, self._label, "not a file")
        if status.st_size > FILE_LIMIT:
            raise Damaged(name, self._label, "limit")
        return status.st_size

    def _read(self, work: Callable[[Session], Awaitable[_T]]) -> _T:
        try:
            return self._link.run(work)
        except OSError as error:
            raise unreachable(error, self._label) from error

    def _write(self, work: Callable[[Session], Awaitable[_T]]) -> _T:
        async def explained(session: Session) -> _T:
            try:
                return await work(session)
            except OSError as error:
                why = await self._root.explained(session, error)
                if why is error:
                    raise
                raise why from error

        try:
            return self._link.run(explained)
        except OSError as error:
            raise refused(error, self._label, self._free()) from error

    def _free(self) -> int:
        with suppress(OSError):
            room = self._link.run(lambda session: session.room(self._root.path("")))
            return room.free if room else 0
        return 0
