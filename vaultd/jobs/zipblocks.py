"""The blocks of a zip file (APPNOTE.TXT of PKWARE), always with room for more than 4 GiB where it may be
needed, names in UTF-8, and what Info-ZIP adds: times to the second and owners by number.
"""

import struct
import time
from dataclasses import dataclass
from typing import BinaryIO

STORED, DEFLATED = 0, 8
LOCAL, CENTRAL = b"PK\x03\x04", b"PK\x01\x02"
LOCAL_FIELDS = struct.Struct("<4s5H3I2H")
CENTRAL_FIELDS = struct.Struct("<4s6H3I5H2I")
_END, _END64, _LOCATOR = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_UTF8 = 1 << 11
_UNIX, _VERSION = 3, 45
# From here on a file has 64-bit lengths: deflating may make it longer by 5 bytes for each 16 KiB.
HUGE = 0xF000_0000
_MOST, _MOST_FILES = 0xFFFF_FFFF, 0xFFFF
_NS = 10**9
_TIMES, _OWNER, _LONG = 0x5455, 0x7875, 0x0001
_FOLDER_BIT = 0x10  # what Windows looks at
LONGEST_NAME = 0xFFFF


@dataclass(slots=True)
class Packed:
    """One member: `size` and `packed` are bytes before and after, `at` is where its header stands."""

    name: bytes
    mode: int
    owner: tuple[int, int]
    mtime: int
    at: int = 0
    method: int = STORED
    crc: int = 0
    packed: int = 0
    size: int = 0
    huge: bool = False

    @property
    def seconds(self) -> int | None:
        """Its time as the extra field has it; None where that has no room for it."""
        seconds = self.mtime // _NS
        return seconds if -(2**31) <= seconds < 2**31 else None

    def local(self) -> bytes:
        """The header before its bytes; as long whatever the lengths are."""
        sizes = (_MOST, _MOST) if self.huge else (self.packed, self.size)
        extra = self._extra()
        if self.huge:
            extra += struct.pack("<2H2Q", _LONG, 16, self.size, self.packed)
        head = LOCAL_FIELDS.pack(
            LOCAL, _VERSION, _UTF8, self.method, *self._dos(), self.crc, *sizes, len(self.name), len(extra)
        )
        return head + self.name + extra

    def central(self) -> bytes:
        """Its entry in the table at the end."""
        sizes = (_MOST, _MOST) if self.huge else (self.packed, self.size)
        far = self.at >= _MOST
        longs = ([self.size, self.packed] if self.huge else []) + ([self.at] if far else [])
        extra = self._extra()
        if longs:
            extra += struct.pack(f"<2H{len(longs)}Q", _LONG, 8 * len(longs), *longs)
        outside = self.mode << 16 | (_FOLDER_BIT if self.name.endswith(b"/") else 0)
        head = CENTRAL_FIELDS.pack(
            CENTRAL, _UNIX << 8 | _VERSION, _VERSION, _UTF8, self.method, *self._dos(), self.crc, *sizes,
            len(self.name), len(extra), 0, 0, 0, outside, _MOST if far else self.at,
        )  # fmt: skip
        return head + self.name + extra

    def _dos(self) -> tuple[int, int]:
        """Its time as DOS had it, in UTC: what comes after it here says it better."""
        year, month, day, hour, minute, second = time.gmtime(min(max(self.mtime // _NS, 0), 2**32))[:6]
        if not 1980 <= year <= 2107:
            year, month, day, hour, minute, second = 1980, 1, 1, 0, 0, 0
        return hour << 11 | minute << 5 | second // 2, (year - 1980) << 9 | month << 5 | day

    def _extra(self) -> bytes:
        extra = b""
        if self.seconds is not None:
            extra += struct.pack("<2HBi", _TIMES, 5, 1, self.seconds)
        if all(0 <= number <= _MOST for number in self.owner):
            extra += struct.pack("<2H2BIBI", _OWNER, 11, 1, 4, self.owner[0], 4, self.owner[1])
        return extra


def write_end(file: BinaryIO, count: int, at: int, length: int) -> None:
    """What stands after the table of `count` entries, which begins at `at`."""
    if count >= _MOST_FILES or at + length >= _MOST:
        file.write(
            struct.pack(
                "<4sQ2H2I4Q", _END64, 44, _UNIX << 8 | _VERSION, _VERSION, 0, 0, count, count, length, at
            )
        )
        file.write(struct.pack("<4sIQI", _LOCATOR, 0, at + length, 1))
    few = min(count, _MOST_FILES)
    file.write(struct.pack("<4s4H2IH", _END, 0, 0, few, few, min(length, _MOST), min(at, _MOST), 0))
