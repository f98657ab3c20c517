"""statx: a stat that knows when a file was made. Python has none of its own before 3.15."""

import ctypes
import struct

from vaultd.capture.listing import Seen

# linux/stat.h, struct statx, 256 bytes: mask u32 at 0; nlink, uid, gid u32 at 16, mode u16 at 28; ino, size,
# blocks u64 at 32; then from 64 on, every 16 bytes, the times of access, birth, change, modification as s64
# seconds, u32 nanoseconds.
_STATX_BYTES = 256
_ANSWER = struct.Struct("=I12xIIIH2xQQQ24xqI4xqI4xqI")
_BASIC, _BIRTH = 0x7FF, 0x800
_AT_SYMLINK_NOFOLLOW, _AT_EMPTY_PATH = 0x100, 0x1000
_SECOND = 1_000_000_000
_BLOCK = 512


class Births:
    """Birth times by statx. One object for one thread."""

    def __init__(self) -> None:
        # Without types of arguments a call costs half: what is passed here needs no conversion.
        self._statx = getattr(ctypes.CDLL(None), "statx", None)
        self._buffer = ctypes.create_string_buffer(_STATX_BYTES)

    def of_open(self, fd: int) -> int | None:
        """When an open file was made, in ns; None where nobody knows."""
        return self._birth(fd, b"", _AT_EMPTY_PATH)

    def of_name(self, folder: int, name: bytes) -> int | None:
        """When what is at this name in an open folder was made, in ns, a link not followed; None where
        nobody knows.
        """
        return self._birth(folder, name, _AT_SYMLINK_NOFOLLOW)

    def of_unchanged(self, fd: int, seen: Seen) -> tuple[bool, int | None]:
        """Whether an open file is the one that was seen, as it was then, and has no holes; and its birth.

        False too where nobody knows. One call for what would be two with `fstat`.
        """
        if self._statx is None or self._statx(fd, b"", _AT_EMPTY_PATH, _BASIC | _BIRTH, self._buffer) != 0:
            return False, None
        mask, nlink, uid, gid, mode, ino, size, blocks, bs, bn, cs, cn, ms, mn = _ANSWER.unpack_from(
            self._buffer
        )
        now = (mode, ino, cs * _SECOND + cn, ms * _SECOND + mn, size, uid, gid, nlink)
        same = mask & _BASIC == _BASIC and now == seen[1:] and blocks * _BLOCK >= size
        return same, bs * _SECOND + bn if mask & _BIRTH else None

    def _birth(self, fd: int, name: bytes, flags: int) -> int | None:
        if self._statx is None or self._statx(fd, name, flags, _BIRTH, self._buffer) != 0:
            return None
        answer = _ANSWER.unpack_from(self._buffer)
        return int(answer[8] * _SECOND + answer[9]) if answer[0] & _BIRTH else None
