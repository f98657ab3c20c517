"""Read a zip back as any reader does, from the table at its end, without holding the table in memory."""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from vaultd.jobs.outgoing import forget_cached
from vaultd.jobs.promised import Check, Promised, hasher
from vaultd.jobs.zipblocks import CENTRAL, CENTRAL_FIELDS, LOCAL, LOCAL_FIELDS, STORED

_PIECE = 1 << 20
_END = struct.Struct("<4s4H2IH")
_LOCATOR = struct.Struct("<4sIQI")
_END64 = struct.Struct("<4sQ2H2I4Q")
_MOST, _MOST_FILES = 0xFFFF_FFFF, 0xFFFF


def read_back(path: Path, promised: Promised, check: Check) -> None:
    """Read every member, and compare. Raises NotAsWritten, OSError, and what `check` raises."""
    with open(path, "rb") as table, open(path, "rb") as data:
        forget_cached(table.fileno())
        promised.compare(path, _members(table, data, check))


def _members(table: BinaryIO, data: BinaryIO, check: Check) -> Iterator[tuple[bytes, bytes]]:
    try:
        count, at = _find_table(table)
        table.seek(at)
        for _ in range(count):
            yield _member(table, data, check)
    except (struct.error, zlib.error, ValueError) as error:
        yield str(error).encode(), b""


def _find_table(file: BinaryIO) -> tuple[int, int]:
    """How many entries it has, and where it begins."""
    end = file.seek(-_END.size, 2)
    _, _, _, count, _, _, at, _ = _END.unpack(file.read(_END.size))
    if count == _MOST_FILES or at == _MOST:
        file.seek(end - _LOCATOR.size)
        _, _, place, _ = _LOCATOR.unpack(file.read(_LOCATOR.size))
        file.seek(place)
        *_, count, _, at = _END64.unpack(file.read(_END64.size))
    return count, at


def _member(table: BinaryIO, data: BinaryIO, check: Check) -> tuple[bytes, bytes]:
    (magic, _, _, _, method, _, _, crc, packed, size, long, more, _, _, _, outside, at) = (
        CENTRAL_FIELDS.unpack(table.read(CENTRAL_FIELDS.size))
    )
    name, extra = table.read(long), _extra(table.read(more))
    longs = list(struct.unpack(f"<{len(extra.get(1, b'')) // 8}Q", extra.get(1, b"")))
    size, packed, at = (longs.pop(0) if n == _MOST and longs else n for n in (size, packed, at))
    data.seek(at)
    head = LOCAL_FIELDS.unpack(data.read(LOCAL_FIELDS.size))
    if (magic, head[0], data.read(head[-2])) != (CENTRAL, LOCAL, name):
        return name, b""
    data.seek(head[-1], 1)
    seconds = struct.unpack("<xi", extra[0x5455])[0] if 0x5455 in extra else None
    uid, gid = struct.unpack("<2xIxI", extra[0x7875]) if 0x7875 in extra else (None, None)
    digest, seen, sum_ = hasher([name, outside >> 16, uid, gid, seconds]), 0, 0
    for piece in _content(data, method, packed):
        check()
        digest.update(piece)
        sum_ = zlib.crc32(piece, sum_)
        seen += len(piece)
    return name, digest.digest() if (seen, sum_) == (size, crc) else b""


def _extra(block: bytes) -> dict[int, bytes]:
    fields: dict[int, bytes] = {}
    while len(block) >= 4:
        kind, length = struct.unpack("<2H", block[:4])
        fields[kind], block = block[4 : 4 + length], block[4 + length :]
    return fields


def _content(data: BinaryIO, method: int, packed: int) -> Iterator[bytes]:
    inflate = None if method == STORED else zlib.decompressobj(-zlib.MAX_WBITS)
    while packed:
        block = data.read(min(_PIECE, packed))
        if not block:
            return
        packed -= len(block)
        while block:
            yield inflate.decompress(block, _PIECE) if inflate else block
            block = inflate.unconsumed_tail if inflate else b""
    if inflate:
        yield inflate.flush()
