"""The table of a box: one row for each blob, in the trailer and again in the index (docs/format.md, section
5).
"""

import struct
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from vaultd.errors import Refused
from vaultd.format.codec import RAW, ZSTD
from vaultd.format.limits import HEAD, HOLDS, MAX_BLOB, MAX_BLOBS, MIN_TRAILER, ROW, TAG

_row = struct.Struct("<32sBBII")
_count = struct.Struct("<I")
# What the constructor of a named tuple ends in; it is called for every blob.
_new = tuple.__new__


class Row(NamedTuple):
    """One blob of a box: its id (32 bytes), type, codec, and its lengths sealed (tag included) and plain."""

    id: bytes
    type: int
    codec: int
    sealed_len: int
    plain_len: int


def offsets(rows: Sequence[Row]) -> list[int]:
    """Where each blob starts in its box; as many as there are rows."""
    return list(accumulate((row.sealed_len for row in rows[:-1]), initial=HEAD)) if rows else []


def encode_table(rows: Sequence[Row]) -> bytes:
    """n x 42 bytes."""
    return b"".join([_row.pack(*row) for row in rows])


def decode_table(table: bytes, kind: int) -> list[Row]:
    """Rows that a box of this kind may have. Raises Refused("length" | "limit" | "kind" | "codec")."""
    if len(table) % ROW:
        raise Refused("length", f"a table of {len(table)} bytes")
    if not 1 <= len(table) // ROW <= MAX_BLOBS:
        raise Refused("limit", f"{len(table) // ROW} blobs")
    rows = [_new(Row, fields) for fields in _row.iter_unpack(table)]
    for row in rows:
        check_row(row, kind)
    return rows


def check_row(row: Row, kind: int) -> None:
    """Raises Refused("kind" | "limit" | "codec") where a box of this kind cannot have this row."""
    _, blob_type, codec, sealed_len, plain_len = row
    # The common case in one line, since it is asked for every blob; what follows finds the word for the rest.
    if blob_type in HOLDS[kind] and 0 < plain_len <= MAX_BLOB:
        if codec == ZSTD and TAG < sealed_len < plain_len + TAG:
            return
        if codec == RAW and sealed_len == plain_len + TAG:
            return
    if row.type not in HOLDS[kind]:
        raise Refused("kind", f"a blob of type {row.type} in a box of kind {kind}")
    if not 0 < row.plain_len <= MAX_BLOB:
        raise Refused("limit", f"a blob of {row.plain_len} bytes")
    if not _fits(row.codec, row.sealed_len - TAG, row.plain_len):
        raise Refused("codec", f"codec {row.codec}: {row.sealed_len} sealed bytes for {row.plain_len}")


def _fits(codec: int, stored: int, plain_len: int) -> bool:
    return (codec == RAW and stored == plain_len) or (codec == ZSTD and 0 < stored < plain_len)


def encode_trailer(rows: Sequence[Row], length: int) -> bytes:
    """The plain trailer, padded with zeros to `length` bytes."""
    return (_count.pack(len(rows)) + encode_table(rows)).ljust(length, b"\0")


def decode_trailer(plain: bytes, kind: int) -> list[Row]:
    """Raises Refused with "limit", "length", "padding", and what `decode_table` raises."""
    (count,) = _count.unpack_from(plain)
    if not 1 <= count <= MAX_BLOBS:
        raise Refused("limit", f"{count} blobs")
    end = _count.size + count * ROW
    if end > len(plain):
        raise Refused("length", f"{count} blobs in a trailer of {len(plain)} bytes")
    if plain.count(0, end) != len(plain) - end:  # counted: half a megabyte goes in no time
        raise Refused("padding", "trailer")
    return decode_table(plain[_count.size : end], kind)


def smallest_trailer(count: int) -> int:
    """Sealed length of a trailer with this many rows and no padding."""
    return MIN_TRAILER + (count - 1) * ROW
