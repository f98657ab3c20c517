"""Errors of another host, as errors of the operating system: `failures` says the rest."""

import errno

# "Failure", and nothing more is known.
FAILURE = errno.EREMOTEIO
_NETWORK = frozenset({errno.EHOSTUNREACH, errno.EHOSTDOWN, errno.ENETUNREACH, errno.ENETDOWN})


class Lost(OSError):
    """The connection is gone, or the host took too long: what was asked may have been done or not."""


def os_error(code: int) -> OSError:
    """As the system would raise it: ENOENT is FileNotFoundError."""
    return OSError(code, errno.errorcode[code])


def lost(code: int = errno.ECONNRESET) -> Lost:
    return Lost(code, errno.errorcode[code])


def as_lost(error: OSError) -> OSError:
    """What a socket raised, or the time that ran out, is a lost connection; any other passes as it is."""
    if isinstance(error, Lost):
        return error
    if isinstance(error, TimeoutError):
        return lost(errno.ETIMEDOUT)
    if isinstance(error, ConnectionError) or error.errno in _NETWORK:
        return lost(error.errno or errno.ECONNRESET)
    return error
