"""A folder of another host as a place for a copy, whatever the protocol; see `locating.Kind`."""

import errno
import os
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from vaultd.copies import hostchanges as changes
from vaultd.copies.contract import Copy
from vaultd.copies.failures import refused, unreachable
from vaultd.copies.host import HostCopy
from vaultd.copies.hostfailures import os_error
from vaultd.copies.hostlink import LIMIT, Join, Link
from vaultd.copies.hostroot import Address, Root, path_of, read_id
from vaultd.copies.hostsession import Session
from vaultd.copies.identity import VaultId
from vaultd.copies.locating import Location
from vaultd.copies.names import parse_unfinished, unfinished_name
from vaultd.copies.place import FURNITURE
from vaultd.errors import Damaged, NotAFolder, NotEmpty, NoVault, VaultExists, WrongPlace

_T = TypeVar("_T")
Way = Callable[[Location], tuple[Address, Join]]


class HostPlace:
    """A kind of place (`locating.Kind`): `way` says where a copy stands and how to get there, and raises
    BadUrl and what is wrong with how we get in.
    """

    def __init__(self, check_url: Callable[[str], str], way: Way) -> None:
        self.check_url = check_url
        self._way = way

    def open_copy(
        self,
        where: Location,
        expected_copy_id: bytes | None,
        label: str,
        device: str,
        limit: float = LIMIT,
    ) -> Copy:
        """As `DirectoryCopy.open`, and what `Join` raises. `limit` is that of `Link`."""
        address, join = self._way(where)
        link = Link(join, label, limit)
        try:
            data = link.run(lambda session: _id_at(session, address, expected_copy_id, label))
            identity = _decode(data, label)
            if expected_copy_id not in (None, identity.copy_id):
                raise WrongPlace(address.url, (expected_copy_id or b"").hex(), identity.copy_id.hex())
            return HostCopy(link, Root(address, identity, label), label, device)
        except OSError as error:
            link.close()
            raise unreachable(error, label) from error
        except BaseException:
            link.close()
            raise

    def create_copy(self, where: Location, vault_id: bytes, copy_id: bytes, label: str, device: str) -> Copy:
        """As `DirectoryCopy.create`."""
        address, join = self._way(where)
        link, identity = Link(join, label), VaultId(vault_id, copy_id)
        try:
            root = Root(address, identity, label)
            link.run(lambda session: _make(session, root, device))
            return HostCopy(link, root, label, device)
        except BaseException as error:
            link.close()
            if isinstance(error, FileExistsError):
                raise VaultExists(address.url) from error
            if isinstance(error, OSError):
                raise refused(error, label, 0) from error
            raise

    def refuse_taken(self, where: Location) -> None:
        """Raises VaultExists, NotEmpty, NotAFolder, Unreachable."""
        _once(*self._way(where), _refuse_taken)

    def is_headless(self, where: Location) -> bool:
        """Raises Unreachable."""

        async def look(session: Session, address: Address) -> bool:
            found = [await session.status(path_of(address, name)) for name in ("packs", "log")]
            return all(status is not None and status.is_folder for status in found)

        return _once(*self._way(where), look)


def _once(address: Address, join: Join, work: Callable[[Session, Address], Awaitable[_T]]) -> _T:
    link = Link(join, address.host)
    try:
        return link.run(lambda session: work(session, address))
    except OSError as error:
        raise unreachable(error, "") from error
    finally:
        link.close()


async def _id_at(session: Session, address: Address, expected: bytes | None, label: str) -> bytes:
    """What stands at `vault.id`. Raises NoVault, NotAFolder, Damaged, OSError."""
    root = await session.status(path_of(address, "."))
    if root is None and await session.status(path_of(address, "")) is not None:
        raise NotAFolder(address.url.encode())
    status = await session.status(path_of(address, "vault.id"))
    if root is None and expected is not None:
        raise os_error(errno.ENOENT)
    if status is None:
        raise NoVault(address.url)
    if not status.is_file:
        raise Damaged("vault.id", label, "not a file")
    return await read_id(session, address) or b""


def _decode(data: bytes, label: str) -> VaultId:
    try:
        return VaultId.decode(data)
    except Damaged as damaged:
        damaged.copy = label
        raise


async def _refuse_taken(session: Session, address: Address) -> None:
    folder = await session.status(path_of(address, "."))
    if folder is None:
        if await session.status(path_of(address, "")) is not None:
            raise NotAFolder(address.url.encode())
        if await session.status(_above(address)) is None:
            raise NotAFolder(address.above.encode())
        return
    names = dict(await session.entries(path_of(address, "")))
    if "vault.id" in names:
        raise VaultExists(address.url)
    if any(not _may_stand(name, is_file=status.is_file) for name, status in names.items()):
        raise NotEmpty(address.url.encode())


def _above(address: Address) -> bytes:
    """The folder that holds the copy's, a link followed."""
    return os.path.join(os.path.dirname(path_of(address, "")), b".")


def _may_stand(name: str, *, is_file: bool) -> bool:
    """Our own folders are in the way: a copy that lost its `vault.id` is not an empty place."""
    return name in FURNITURE or (parse_unfinished(name) is not None and is_file)


async def _make(session: Session, root: Root, device: str) -> None:
    """Only the last folder is made: a missing one above it is a disk that is not mounted, more often than
    not. `vault.id` comes last. Done twice because the connection was lost, it finds its own and is content.
    """
    address, data = root.address, root.identity.encode()
    if await read_id(session, address) == data:
        return
    await _refuse_taken(session, address)
    await changes.make_folder(session, path_of(address, ""))
    await changes.sync_folder(session, _above(address))
    unfinished = path_of(address, unfinished_name("vault.id", device, secrets.token_hex(8)))
    try:
        await changes.write_new(session, unfinished, memoryview(data))
        await changes.rename_new(session, unfinished, path_of(address, "vault.id"))
    except OSError as error:
        why = await root.explained(session, error, len(data))
        with suppress(OSError):
            if session.is_alive:
                await session.remove(unfinished)
        raise why from None
    await changes.sync_folder(session, path_of(address, ""))
