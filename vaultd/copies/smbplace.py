"""A folder of an SMB share as one kind of place, without mounting it; see `locating.Kind`."""

import asyncio
from functools import partial
from typing import Any

import smbclient
from smbprotocol.exceptions import SMBAuthenticationError, SMBException
from smbprotocol.header import NtStatus
from smbprotocol.tree import TreeConnect

from vaultd.copies import hostplace
from vaultd.copies.contract import Copy
from vaultd.copies.hostlink import LIMIT, Join
from vaultd.copies.hostsession import Session
from vaultd.copies.locating import Location
from vaultd.copies.smbfiles import Connected, SmbFiles, status_of
from vaultd.copies.smburl import Address, parse_url, password_of
from vaultd.errors import PasswordRefused, ShareUnknown, Unreachable


def check_url(url: str) -> str:
    return parse_url(url).url


def open_copy(
    where: Location, expected_copy_id: bytes | None, label: str, device: str, limit: float = LIMIT
) -> Copy:
    """As `DirectoryCopy.open`, and NeedsPassword, BadPasswordFile, PasswordRefused, ShareUnknown. `limit` is
    that of `Link`.
    """
    return hostplace.open_on_host(*_way(where), expected_copy_id, label, device, limit)


def create_copy(where: Location, vault_id: bytes, copy_id: bytes, label: str, device: str) -> Copy:
    return hostplace.create_on_host(*_way(where), vault_id, copy_id, label, device)


def refuse_taken(where: Location) -> None:
    hostplace.refuse_taken_on_host(*_way(where))


def is_headless(where: Location) -> bool:
    return hostplace.is_headless_on_host(*_way(where))


def _way(where: Location) -> tuple[Address, Join]:
    address = parse_url(where.url)
    return address, partial(_join, address, password_of(address, where.options))


async def _join(address: Address, password: str, label: str, limit: float) -> Session:
    """Nothing leads to another server than the one that was named (DFS). Every message is signed by both
    ends. What the files say is sealed already, so encrypting them once more is left to what the server asks
    for.
    """
    smbclient.ClientConfig(skip_dfs=True)
    cache: dict[str, Any] = {}
    connected = Connected(address.host, address.port, cache)

    def connect() -> None:
        session = smbclient.register_session(
            address.host,
            username=address.user,
            password=password,
            port=address.port,
            connection_timeout=limit,
            connection_cache=cache,
            require_signing=True,
        )
        share = address.path.split("/")[1].encode()
        TreeConnect(session, connected.unc(share)).connect()

    try:
        async with asyncio.timeout(limit):
            await asyncio.get_running_loop().run_in_executor(None, connect)
    except BaseException as error:
        connected.close()
        why = _why(error, address, label)
        raise error if why is None else why from error
    return Session(SmbFiles(connected), limit)


def _why(error: BaseException, address: Address, label: str) -> Unreachable | None:
    status = status_of(error)
    if status == NtStatus.STATUS_LOGON_FAILURE or isinstance(error, SMBAuthenticationError):
        return PasswordRefused(label, "login", address.host, address.user)
    if status in (NtStatus.STATUS_BAD_NETWORK_NAME, NtStatus.STATUS_ACCESS_DENIED):
        return ShareUnknown(label, "share", address.host, address.path.split("/")[1])
    if isinstance(error, TimeoutError):
        return Unreachable(label, "ETIMEDOUT")
    # The library says with a ValueError that nobody answers at the port.
    if isinstance(error, ValueError | OSError | SMBException):
        return Unreachable(label, "ECONNREFUSED" if isinstance(error, ValueError) else "ECONNRESET")
    return None
