"""A folder of an SMB share as one kind of place, without mounting it. What is raised beside: NeedsPassword,
BadPasswordFile, PasswordRefused, ShareUnknown.
"""

import asyncio
from functools import partial
from typing import Any

import smbclient
from smbprotocol.exceptions import SMBAuthenticationError, SMBException
from smbprotocol.header import NtStatus
from smbprotocol.tree import TreeConnect

from vaultd.copies.hostlink import Join
from vaultd.copies.hostplace import HostPlace
from vaultd.copies.hostsession import Session
from vaultd.copies.locating import Location
from vaultd.copies.smbfiles import Connected, SmbFiles, status_of
from vaultd.copies.smburl import Address, parse_url, password_of
from vaultd.errors import PasswordRefused, ShareUnknown, Unreachable


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


def _way(where: Location) -> tuple[Address, Join]:
    address = parse_url(where.url)
    return address, partial(_join, address, password_of(address, where.options))


SMB = HostPlace(lambda url: parse_url(url).url, _way)
