"""What an error of the operating system says about a copy."""

import errno

from vaultd.errors import Full, ReadOnly, Unreachable, VaultdError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


def unreachable(error: OSError, label: str) -> Unreachable:
    """`reason` is the errno's name, "EIO"."""
    return Unreachable(label, errno.errorcode.get(error.errno or 0, str(error.strerror)))


def refused(error: OSError, label: str, free: int) -> VaultdError:
    """The same for an operation that writes."""
    if error.errno in _FULL:
        return Full(label, free)
    if error.errno in _READ_ONLY:
        return ReadOnly(label)
    return unreachable(error, label)
