"""What the answers of an SFTP host mean, as errors of the operating system: `failures` says the rest.

Version 3 of the protocol, which everybody speaks, has few words: a full disk, a read-only one and a broken
one are all "failure". What it was is looked for afterwards.
"""

import errno

import asyncssh

# "Failure", and nothing more is known.
FAILURE = errno.EREMOTEIO
_NETWORK = frozenset({errno.EHOSTUNREACH, errno.EHOSTDOWN, errno.ENETUNREACH, errno.ENETDOWN})
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


class Lost(OSError):
    """The connection is gone, or the host took too long: what was asked may have been done or not."""


def os_error(code: int) -> OSError:
    """As the system would raise it: ENOENT is FileNotFoundError."""
    return OSError(code, errno.errorcode[code])


def lost(code: int = errno.ECONNRESET) -> Lost:
    return Lost(code, errno.errorcode[code])


def as_os_error(error: Exception) -> OSError:
    """What asyncssh, or a socket, raised, where an OSError of ours passes as it is."""
    if isinstance(error, Lost):
        return error
    if isinstance(error, TimeoutError):
        return lost(errno.ETIMEDOUT)
    if isinstance(error, OSError):
        is_network = isinstance(error, ConnectionError) or error.errno in _NETWORK
        return lost(error.errno or errno.ECONNRESET) if is_network else error
    gone = asyncssh.SFTPConnectionLost | asyncssh.SFTPNoConnection
    if isinstance(error, asyncssh.SFTPError) and not isinstance(error, gone):
        return os_error(_CODES.get(error.code, FAILURE))
    return lost()
