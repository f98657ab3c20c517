"""Whether a file is what its first bytes say, by a few pieces of it. Nothing here is a full check: it has
to see that blocks were replaced by noise, at the price of a few hundred kilobytes.

On 1,348 real JPEGs the rule for their scans gave no false alarm, and one random block of 4 KiB was found in
425 of 438 files.
"""

import re
import zlib
from collections.abc import Callable

from vaultd.guard import kinds

Read = Callable[[int, int], bytes]
"""`length` bytes from an offset, fewer at the end."""

# What lies before the scan of a JPEG: EXIF with a thumbnail, and a profile, are 64 KiB each at most.
_JPEG_HEAD = 256 << 10
# Who encrypts every sixteenth block of 4 KiB has one in each of these.
_WINDOW, _WINDOWS = 64 << 10, 4
# In a scan FF stands before 00, FF, a restart, or the marker of a further scan or table. One of 4 KiB of
# noise has some 15 wrong ones; a table inside a scan may have one by chance.
_WRONG_IN_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xda\xc4\xdb\xdd\xfe]")
_MOST_WRONG = 2
_PNG_BYTES = 1 << 20
_MOST_BOXES = 64
_ZIP_END = 22 + 65_535
# A document has a few dozen entries; the longest ones are pictures, which are looked at by nobody here.
_ZIP_DIRECTORY, _ZIP_ENTRIES, _ZIP_ENTRY = 256 << 10, 8, 256 << 10
_PDF_END = 2048
# The first byte of a page: of a tree, of a map of pointers, or zero in the pages of overflow and those that
# are free.
_PAGE_TYPES = frozenset((0, 1, 2, 3, 4, 5, 10, 13))


def is_sound(kind: str, size: int, read: Read) -> bool:
    """Whether nothing speaks against a file of this kind; of one whose inside is not known nothing does."""
    check = _CHECKS.get(kind)
    return check is None or check(size, read)


def looks_random(block: bytes) -> bool:
    """Whether every byte is about as frequent as any other (chi-square over 256 values below 330, where noise
    has 255). So are HEIC and WebP from birth: it decides nothing by itself.
    """
    if len(block) < 4096:
        return False
    expected = len(block) / 256
    return sum((block.count(value) - expected) ** 2 for value in range(256)) / expected < 330


def _jpeg(size: int, read: Read) -> bool:
    scan = _scan_of(read(0, _JPEG_HEAD))
    if scan is None:
        return True
    length = size - scan
    if length <= _WINDOW * _WINDOWS:
        return _is_scan(read(scan, length))
    step = (length - _WINDOW) // (_WINDOWS - 1)
    return all(_is_scan(read(scan + step * number, _WINDOW)) for number in range(_WINDOWS))


def _scan_of(head: bytes) -> int | None:
    """Where the first scan begins; None where that is not in these bytes."""
    at = 2
    while at + 4 <= len(head):
        if head[at] != 0xFF:
            return None
        marker, length = head[at + 1], int.from_bytes(head[at + 2 : at + 4])
        if marker == 0xFF:
            at += 1
            continue
        at += 2 + length
        if marker == 0xDA:
            return at if at < len(head) else None
    return None


def _is_scan(block: bytes) -> bool:
    # What lies behind the end of the picture is not a scan: another picture, or a film.
    inside = block.partition(b"\xff\xd9")[0] if b"\xff\xd9" in block else block
    return len(_WRONG_IN_SCAN.findall(inside)) <= _MOST_WRONG


def _png(size: int, read: Read) -> bool:
    data, at = read(0, min(size, _PNG_BYTES)), 8
    while at + 12 <= len(data):
        length, word = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        if not word.isalpha():
            return False
        end = at + 12 + length
        if end > len(data):
            return end <= size
        if zlib.crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end]):
            return False
        if word == b"IEND":
            return True
        at = end
    return size > len(data)


def _boxes(size: int, read: Read) -> bool:
    at = 0
    for _ in range(_MOST_BOXES):
        head = read(at, 16)
        if len(head) < 8:
            return False
        length = int.from_bytes(head[:4])
        if length == 0:
            return True
        if length == 1:
            length = int.from_bytes(head[8:16])
        at += length
        if length < 8 or at > size:
            return False
        if at == size:
            return True
    return True


def _zip(size: int, read: Read) -> bool:
    start = max(0, size - _ZIP_END)
    tail = read(start, _ZIP_END)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0:
        return False
    length, directory = (int.from_bytes(tail[at + place : at + place + 4], "little") for place in (12, 16))
    if directory == 0xFFFFFFFF:
        return True
    entries = _zip_entries(read(directory, min(length, _ZIP_DIRECTORY)))
    if not entries:
        return length == 0
    step = max(1, len(entries) // _ZIP_ENTRIES)
    return all(_is_entry(read, entry) for entry in entries[::step][:_ZIP_ENTRIES])


def _zip_entries(data: bytes) -> list[bytes]:
    """The fixed parts of the entries of a directory, as far as they follow one another."""
    entries, at = [], 0
    while data[at : at + 4] == b"PK\x01\x02" and at + 46 <= len(data):
        entry = data[at : at + 46]
        entries.append(entry)
        at += 46 + sum(int.from_bytes(entry[place : place + 2], "little") for place in (28, 30, 32))
    return entries


def _is_entry(read: Read, entry: bytes) -> bool:
    """Whether one of a ZIP stands where the directory says and, where it is short, holds what that says."""
    crc, packed, plain, at = (
        int.from_bytes(entry[place : place + 4], "little") for place in (16, 20, 24, 42)
    )
    head = read(at, 30)
    if head[:4] != b"PK\x03\x04":
        return at == 0xFFFFFFFF
    flags, method = entry[8], int.from_bytes(entry[10:12], "little")
    if flags & 1 or method not in (0, 8) or max(packed, plain) > _ZIP_ENTRY:
        return True
    names = sum(int.from_bytes(head[place : place + 2], "little") for place in (26, 28))
    data = read(at + 30 + names, packed)
    try:
        whole = zlib.decompressobj(-15).decompress(data, _ZIP_ENTRY) if method else data
    except zlib.error:
        return False
    return zlib.crc32(whole) == crc


def _sqlite(size: int, read: Read) -> bool:
    head = read(0, 100)
    page = int.from_bytes(head[16:18])
    page = 65_536 if page == 1 else page
    if page < 512 or page & (page - 1) or size % page:
        return False
    count = size // page
    if head[24:28] == head[92:96] and int.from_bytes(head[28:32]) != count:
        return False
    together = max(1, _WINDOW // page)
    step = max(together, count // _WINDOWS)
    return all(
        first in _PAGE_TYPES
        for number in range(1, count, step)
        for first in read(number * page, together * page)[::page]
    )


def _pdf(size: int, read: Read) -> bool:
    return b"%%EOF" in read(max(0, size - _PDF_END), _PDF_END)


def _riff(size: int, read: Read) -> bool:
    return int.from_bytes(read(4, 4), "little") + 8 <= size + 1


_CHECKS: dict[str, Callable[[int, Read], bool]] = {
    kinds.JPEG: _jpeg,
    kinds.PNG: _png,
    kinds.BOXES: _boxes,
    kinds.ZIP: _zip,
    kinds.SQLITE: _sqlite,
    kinds.PDF: _pdf,
    kinds.RIFF: _riff,
}
