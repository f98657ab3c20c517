"""What this computer keeps of itself: the ids under which it writes, and what it was told once."""

import re
from collections.abc import Iterable
from pathlib import Path

from vaultd.settings import Home, write_whole

_DEVICE_LINE = re.compile(rb"[0-9a-f]{16}")


def _device_file(home: Home) -> Path:
    return home.state / "device"


def remembered_devices(home: Home) -> tuple[bytes, ...]:
    """The ids under which this computer wrote, the last one first; none where that was lost."""
    try:
        lines = _device_file(home).read_bytes().split()
    except FileNotFoundError:
        return ()
    return tuple(bytes.fromhex(line.decode()) for line in lines if _DEVICE_LINE.fullmatch(line))


def remember_devices(home: Home, devices: Iterable[bytes]) -> None:
    """Write them down, the last one first; whole or not at all."""
    write_whole(_device_file(home), b"".join(each.hex().encode() + b"\n" for each in devices))


def tell_once(home: Home, words: str) -> bool:
    """Whether these words, without a space, were not told on this computer before; from now on they were."""
    file = home.state / "told"
    try:
        told = file.read_text().split()
    except FileNotFoundError:
        told = []
    if words in told:
        return False
    write_whole(file, "".join(f"{each}\n" for each in (*told, words)).encode())
    return True
