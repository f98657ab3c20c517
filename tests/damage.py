"""Rot: a bit that is not what was written. A flip always changes something; a byte written over may not."""

import stat
from pathlib import Path


def flipped(data: bytes, at: int) -> bytes:
    """The same bytes but one bit of the byte at `at`, counted from the end when it is negative."""
    rotten = bytearray(data)
    rotten[at] ^= 1
    return bytes(rotten)


def flip(path: Path, at: int | None = None) -> None:
    """Flip one bit of a file, in its middle unless told, and leave its mode as it was."""
    data, mode = path.read_bytes(), stat.S_IMODE(path.stat().st_mode)
    path.chmod(0o600)
    path.write_bytes(flipped(data, len(data) // 2 if at is None else at))
    path.chmod(mode)
