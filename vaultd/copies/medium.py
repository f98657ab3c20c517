"""What stands on the medium, as opposed to what the page cache remembers of having sent there."""

import errno
import os

from blake3 import blake3

from vaultd.copies.folder import Handle

_BLOCK = 1024 * 1024
# A read-only medium has nothing to write out, and some say so as an error.
_NOTHING_TO_SYNC = frozenset({errno.EINVAL, errno.EROFS, errno.ENOTSUP})


def digest_on_medium(file: Handle) -> bytes:
    """BLAKE3 of the file, read past the page cache as far as the system lets us. Raises OSError."""
    drop_cache(file.fd)
    hasher = blake3()
    block = memoryview(bytearray(max(1, min(_BLOCK, file.size))))
    offset = 0
    while count := os.preadv(file.fd, [block], offset):
        hasher.update(block[:count])
        offset += count
    # A check of the whole copy must not push everything else out of memory.
    _forget(file.fd)
    return hasher.digest()


def drop_cache(fd: int) -> None:
    """Let what is read next come from the medium, as far as the system lets us. Raises OSError.

    Pages not yet written cannot be dropped, so they are written first.
    """
    try:
        os.fdatasync(fd)
    except OSError as error:
        if error.errno not in _NOTHING_TO_SYNC:
            raise
    _forget(fd)


def _forget(fd: int) -> None:
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
