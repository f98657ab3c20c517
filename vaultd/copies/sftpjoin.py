"""Find an SFTP host, see that it is the right one, and log in."""

import asyncio
import errno
import os

import asyncssh

from vaultd.copies.hostsession import Session
from vaultd.copies.sftpfiles import SftpFiles
from vaultd.copies.sftpurl import PORT, Access, Address
from vaultd.errors import HostChanged, HostUnknown, LoginRefused, Unreachable


class _Guard(asyncssh.SSHClient):
    """Remembers the key that a host showed and that nobody vouches for. It is never trusted for that."""

    fingerprint = ""

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:  # noqa: ARG002
        self.fingerprint = key.get_fingerprint()
        return False


async def join(address: Address, access: Access, label: str, limit: float) -> Session:
    """Raises HostUnknown, HostChanged, LoginRefused, Unreachable.

    Nothing but the address and `access` decides how: ~/.ssh/config is not read, no password is asked for or
    sent, and no host is trusted because it is met for the first time.
    """
    guard = _Guard()
    try:
        async with asyncio.timeout(limit):
            connection = await _connect(address, access, label, guard)
    except asyncssh.HostKeyNotVerifiable as error:
        raise _not_the_host(address, access, label, guard) from error
    except (asyncssh.PermissionDenied, asyncssh.KeyImportError) as error:
        raise LoginRefused(label, "login", address.host, _user(address), _shown(access)) from error
    except TimeoutError as error:
        raise Unreachable(label, "ETIMEDOUT") from error
    except OSError as error:
        raise Unreachable(label, _reason(error)) from error
    except asyncssh.Error as error:
        raise Unreachable(label, "ECONNRESET") from error
    return await _session(connection, label, limit)


async def _session(connection: asyncssh.SSHClientConnection, label: str, limit: float) -> Session:
    try:
        async with asyncio.timeout(limit):
            return Session(SftpFiles(connection, await connection.start_sftp_client()), limit)
    except BaseException as error:
        connection.abort()
        if isinstance(error, TimeoutError):
            raise Unreachable(label, "ETIMEDOUT") from error
        if isinstance(error, asyncssh.Error | OSError):
            raise Unreachable(label, "sftp") from error
        raise


async def _connect(
    address: Address, access: Access, label: str, guard: _Guard
) -> asyncssh.SSHClientConnection:
    keys: tuple[()] | list[str] = ()
    if access.key_file is not None:
        if not os.access(access.key_file, os.R_OK):
            raise LoginRefused(label, "key-file", address.host, _user(address), str(access.key_file))
        keys = [str(access.key_file)]
    return await asyncssh.connect(
        address.host,
        address.port,
        config=None,
        client_factory=lambda: guard,
        known_hosts=_known(access, label),
        username=address.user or (),
        client_keys=keys,
        # A key that was named is the one to be shown, and no other.
        agent_path=() if access.key_file is None else None,
        preferred_auth="publickey",
        disable_trivial_auth=True,
        gss_host=None,
        compression_algs=None,
    )


def _known(access: Access, label: str) -> asyncssh.SSHKnownHosts:
    """A file that is not there knows nobody; one that cannot be read or understood is an error."""
    try:
        return asyncssh.import_known_hosts(access.known_hosts.read_text("utf-8", "surrogateescape"))
    except FileNotFoundError:
        return asyncssh.import_known_hosts("")
    except (OSError, ValueError) as error:
        raise Unreachable(label, "known-hosts") from error


def _not_the_host(address: Address, access: Access, label: str, guard: _Guard) -> Unreachable:
    port = None if address.port == PORT else address.port
    known = asyncssh.match_known_hosts(_known(access, label), address.host, "", port)
    kind = HostChanged if any(known[:3]) else HostUnknown
    return kind(label, "host-key", address.host, address.port, guard.fingerprint, str(access.known_hosts))


def _user(address: Address) -> str:
    import getpass

    return address.user or getpass.getuser()


def _shown(access: Access) -> str:
    return str(access.key_file or "")


def _reason(error: OSError) -> str:
    """The errno's name; that of a name which nobody knows has another number space."""
    import socket

    if isinstance(error, socket.gaierror):
        return "EHOSTUNREACH"
    return errno.errorcode.get(error.errno or 0, "ECONNRESET")
