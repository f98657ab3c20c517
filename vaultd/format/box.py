"""The box: the one container, for packs, indexes and logs (docs/format.md, section 5).

A writer seals blobs straight into a buffer that the caller lends and reuses. Before it hands the box out it
opens it again as a reader would, from the bytes of the buffer alone, so that what a flipped bit or a wrong
compressor made does not leave the machine.
"""

import hmac
import struct
import threading
from collections.abc import Collection

from vaultd.errors import Refused
from vaultd.format.codec import RAW, decode
from vaultd.format.keys import Keys
from vaultd.format.limits import (
    BOX_HEADER,
    END,
    HEAD,
    KIB,
    MAX_BLOBS,
    MAX_BOX,
    MIN_BOX,
    MIN_TRAILER,
    ROW,
    TAG,
    VAULT_ID,
    Buffer,
)
from vaultd.format.seal import Opener, Random, Sealer, expand, fresh, os_random
from vaultd.format.table import (
    Row,
    check_row,
    decode_trailer,
    encode_trailer,
    offsets,
    smallest_trailer,
)

__all__ = [
    "MAGIC",
    "MODE",
    "BoxHead",
    "BoxWriter",
    "Row",
    "offsets",
    "open_box",
    "padme",
    "trailer_length",
    "verify_box",
]

MAGIC, _END_MAGIC = b"VAULTBX1", b"BXE1"
MODE = 0
_SALT = 32
_LABEL = "vaultd v1 box"
_length = struct.Struct("<I")
_SMALL = 32 * KIB  # below this a new bytes object is cheaper than a slice of the scratch buffer


def padme(length: int) -> int:
    """The length that a file of `length` bytes is padded to: at most 12 % more, and 1,024 at least."""
    length = max(length, MIN_BOX)
    exponent = length.bit_length() - 1
    step = 1 << (exponent - exponent.bit_length())
    return -(-length // step) * step


def _longest(room: int) -> int:
    """The longest file that is no longer than `room` (1,024 at least) once it is padded."""
    exponent = room.bit_length() - 1
    step = 1 << (exponent - exponent.bit_length())
    return room // step * step


class BoxHead:
    """The first 96 bytes of a box, found to be sealed by this vault for this kind. Safe for use by several
    threads.
    """

    __slots__ = ("_opener", "kind")

    def __init__(self, kind: int, opener: Opener) -> None:
        self.kind = kind
        self._opener = opener

    @classmethod
    def parse(cls, head: Buffer, keys: Keys, kind: int | Collection[int]) -> "BoxHead":
        """Check the first 96 bytes (more are ignored) of a box of this kind, or of one of these kinds.

        Raises Refused: "truncated", "magic", "mode", "kind", "padding", "vault", "commit", the first that
        applies.
        """
        head = bytes(head[:HEAD])
        kinds = (kind,) if isinstance(kind, int) else kind
        _check_header(head, keys.vault_id, kinds)
        key, commit = expand(_LABEL, keys.box_key(head[8]), head[:BOX_HEADER])
        if not hmac.compare_digest(commit, head[BOX_HEADER:]):
            raise Refused("commit", "box")
        return cls(head[8], Opener(key))

    def trailer(self, tail: Buffer, file_len: int) -> list[Row]:
        """The rows of a box of `file_len` bytes, from its last bytes: `trailer_length` + 8 of them, or more.

        Raises Refused: "truncated", "limit", "length", "tag", "padding", "kind", "codec".
        """
        sealed = _sealed_trailer(tail, file_len)
        rows = decode_trailer(self._opener.open_trailer(sealed), self.kind)
        blobs = file_len - HEAD - len(sealed) - END
        if sum(row.sealed_len for row in rows) != blobs:
            raise Refused("length", f"rows do not fill {blobs} bytes")
        return rows

    def open(self, number: int, sealed: Buffer, row: Row, keys: Keys) -> bytes:
        """The plain bytes of blob `number`, whose sealed bytes these are.

        The row may come from anywhere: raises Refused "kind", "limit", "codec", "length", "tag", "id".
        """
        self._check(sealed, row)
        plain = decode(row.codec, self._opener.open(number, sealed), row.plain_len)
        _check_id(plain, row, keys, number)
        return plain if isinstance(plain, bytes) else bytes(plain)

    def open_listed(self, number: int, sealed: Buffer, row: Row, keys: Keys) -> Buffer:
        """Like `open`, for a row of this box's own trailer, which was checked, and bytes cut out by it."""
        plain = decode(row.codec, self._opener.open(number, sealed), row.plain_len)
        _check_id(plain, row, keys, number)
        return plain

    def open_into(self, number: int, sealed: Buffer, row: Row, keys: Keys, out: memoryview) -> memoryview:
        """Like `open`, for large blobs: decrypts into `out`, which holds at least `row.sealed_len` - 16
        bytes.

        The answer is a view of `out`, or of new bytes where the blob was compressed.
        """
        self._check(sealed, row)
        stored = out[: row.sealed_len - TAG]
        self._opener.open_into(number, sealed, stored)
        plain = decode(row.codec, stored, row.plain_len)
        _check_id(plain, row, keys, number)
        return memoryview(plain)

    def _check(self, sealed: Buffer, row: Row) -> None:
        check_row(row, self.kind)
        if len(sealed) != row.sealed_len:
            raise Refused("length", f"{len(sealed)} bytes for {row.sealed_len}")


def _check_header(head: bytes, vault_id: bytes, kinds: Collection[int]) -> None:
    if len(head) < HEAD:
        raise Refused("truncated", f"a head of {len(head)} bytes")
    kind, mode = head[8], head[9]
    if head[:8] != MAGIC:
        raise Refused("magic", head[:8].hex())
    if mode != MODE:
        raise Refused("mode", str(mode))
    if kind not in kinds:
        raise Refused("kind", str(kind))
    if any(head[10:16]):
        raise Refused("padding", "header")
    if head[16 : 16 + VAULT_ID] != vault_id:
        raise Refused("vault", head[16 : 16 + VAULT_ID].hex())


def trailer_length(last8: Buffer) -> int:
    """Length of the sealed trailer that a box's last 8 bytes tell. Raises Refused("truncated" | "length")."""
    end = bytes(last8[-END:])
    if len(end) < END or end[4:] != _END_MAGIC:
        raise Refused("truncated", "no end of a box")
    (length,) = _length.unpack(end[:4])
    if not MIN_TRAILER <= length <= MAX_BOX - HEAD - END:
        raise Refused("length", f"a trailer of {length} bytes")
    return int(length)


def _sealed_trailer(tail: Buffer, file_len: int) -> Buffer:
    if file_len < MIN_BOX:
        raise Refused("truncated", f"a box of {file_len} bytes")
    length = trailer_length(tail)
    if file_len > MAX_BOX:
        raise Refused("limit", f"a box of {file_len} bytes")
    if length > file_len - HEAD - END:
        raise Refused("length", f"a trailer of {length} bytes in a box of {file_len}")
    if len(tail) < length + END:
        raise Refused("truncated", f"the last {len(tail)} bytes do not hold the trailer")
    return tail[len(tail) - length - END : len(tail) - END]


def _check_id(plain: Buffer, row: Row, keys: Keys, number: int) -> None:
    if keys.blob_id(row.type, plain) != row.id:
        raise Refused("id", f"blob {number}")


class BoxWriter:
    """Seals blobs into `buffer`, from its first byte. The buffer belongs to the writer until `finish` has
    returned and its view was released, and may then be lent to the next writer. A writer that raised must
    not be used again.
    """

    def __init__(
        self, keys: Keys, kind: int, buffer: bytearray | memoryview, random: Random = os_random
    ) -> None:
        """Raises BadRandomness; ValueError where the buffer cannot hold the smallest box."""
        if len(buffer) < MIN_BOX:
            raise ValueError("the buffer is smaller than the smallest box")
        header = MAGIC + bytes([kind, MODE]) + bytes(6) + keys.vault_id + fresh(_SALT, random)
        key, commit = expand(_LABEL, keys.box_key(kind), header)
        self.rows: list[Row] = []
        self._keys, self._kind = keys, kind
        self._sealer = Sealer(key)
        self._view = memoryview(buffer)
        self._capacity = _longest(min(len(buffer), MAX_BOX))
        self._view[:HEAD] = header + commit
        # Where the next blob starts, which is where the trailer would.
        self.end = HEAD
        # Length in bytes, before padding, of the box that `finish` would make now.
        self.size = HEAD + smallest_trailer(0) + END

    def room(self, stored_len: int) -> bool:
        """Whether a blob of this many stored bytes still fits into the buffer and the limits of a box."""
        return self.size + stored_len + TAG + ROW <= self._capacity and len(self.rows) < MAX_BLOBS

    def add(self, blob_id: bytes, blob_type: int, codec: int, stored: Buffer, plain_len: int) -> Row:
        """Seal one blob. Raises ValueError where there is no room, Refused where a box cannot hold such a
        row.
        """
        if not self.room(len(stored)):
            raise ValueError("no room in the box")
        row = Row(blob_id, blob_type, codec, len(stored) + TAG, plain_len)
        check_row(row, self._kind)
        end = self.end + row.sealed_len
        self._sealer.seal_into(stored, self._view[self.end : end])
        self.end = end
        self.size += row.sealed_len + ROW
        self.rows.append(row)
        return row

    def finish(self, verify: bool = True) -> memoryview:
        """Seal the trailer; the box's bytes, a view of the buffer. Raises ValueError where there is no blob.

        Unless told otherwise it was verified (see `verify_box`, which raises). Who passes verify=False must
        call `verify_box` before a byte of the box is written anywhere.
        """
        if not self.rows:
            raise ValueError("a box without blobs")
        length = padme(self.size)
        sealed = self._view[self.end : length - END]
        self._sealer.seal_trailer_into(encode_trailer(self.rows, len(sealed) - TAG), sealed)
        self._view[length - END : length] = _length.pack(len(sealed)) + _END_MAGIC
        box = self._view[:length]
        if verify:
            verify_box(box, self._keys, self._kind)
        return box


class _Scratch(threading.local):
    """One buffer for each thread that verifies, as large as the largest blob it met."""

    def __init__(self) -> None:
        self.view = memoryview(bytearray())

    def room(self, length: int) -> memoryview:
        if len(self.view) < length:
            self.view = memoryview(bytearray(length))
        return self.view


_scratch = _Scratch()


def verify_box(box: Buffer, keys: Keys, kind: int | Collection[int]) -> list[Row]:
    """Open every blob of a whole box, decode it and hash it again, keeping none; its rows. Raises what
    reading raises.
    """
    view = memoryview(box)
    head = BoxHead.parse(view, keys, kind)
    rows = head.trailer(view, len(view))
    start = HEAD
    for number, row in enumerate(rows):
        end = start + row.sealed_len
        if row.codec == RAW and row.plain_len > _SMALL:
            head.open_into(number, view[start:end], row, keys, _scratch.room(row.sealed_len))
        else:
            head.open_listed(number, view[start:end], row, keys)
        start = end
    return rows


def open_box(data: Buffer, keys: Keys, kind: int | Collection[int]) -> list[tuple[Row, bytes]]:
    """Every blob of a whole box, which must be right in all of it. Raises what `BoxHead` raises."""
    view = memoryview(data)
    head = BoxHead.parse(view, keys, kind)
    rows = head.trailer(view, len(view))
    return [
        (row, head.open(number, view[start : start + row.sealed_len], row, keys))
        for number, (start, row) in enumerate(zip(offsets(rows), rows, strict=True))
    ]
