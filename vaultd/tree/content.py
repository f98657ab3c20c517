"""From an entry's content to the bytes of the file: chunk lists, and the holes of sparse files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from vaultd.errors import Refused
from vaultd.format.entry import FILE, Entry, sparse_map, sparse_map_chunks
from vaultd.format.extra import decode_sparse
from vaultd.format.limits import CHUNK, MAX_BLOB
from vaultd.store.contract import Blobs, Buffer, Room
from vaultd.tree.folder import damaged, read_list

Extent = tuple[bytes, int, int]  # id of a chunk, where it starts in the content, its length
Pairs = Sequence[tuple[bytes, int]]
Part = tuple[int, int]  # offset and length in the file of what is not a hole


def extents(blobs: Blobs, content: Pairs | bytes, start: int = 0) -> Iterator[Extent]:
    """The chunks of some content in order, from the one that holds byte `start` on; no chunk is read.

    Raises Missing, Damaged where a list cannot be had or its lengths do not sum up to what its parent says.
    """
    if not isinstance(content, bytes):
        yield from _in_order(content, 0, start)
        return
    level, pairs = _chunk_list(blobs, content)
    stack = [(level, iter(_placed(pairs, 0)))]
    while stack:
        level, items = stack[-1]
        item = next(items, None)
        if item is None:
            stack.pop()
        elif item[1] + item[2] > start:
            if level == 0:
                yield item
            else:
                stack.append((level - 1, iter(_below(blobs, item, level - 1))))


def _placed(pairs: Pairs, offset: int) -> Iterator[Extent]:
    for blob_id, length in pairs:
        yield blob_id, offset, length
        offset += length


def _in_order(pairs: Pairs, offset: int, start: int) -> Iterator[Extent]:
    return (item for item in _placed(pairs, offset) if item[1] + item[2] > start)


def _below(blobs: Blobs, item: Extent, level: int) -> Iterator[Extent]:
    blob_id, offset, length = item
    found, pairs = _chunk_list(blobs, blob_id)
    if found != level:
        raise damaged(blob_id, "shape")
    if sum(length for _, length in pairs) != length:
        raise damaged(blob_id, "size")
    return _placed(pairs, offset)


def _chunk_list(blobs: Blobs, blob_id: bytes) -> tuple[int, Pairs]:
    node = read_list(blobs, blob_id, CHUNK)
    return node.level, cast("Pairs", node.items)


def length_of(blobs: Blobs, content: Pairs | bytes) -> int:
    """How many bytes some content says it has, from its first list alone. Raises Missing, Damaged."""
    pairs = _chunk_list(blobs, content)[1] if isinstance(content, bytes) else content
    return sum(length for _, length in pairs)


def read_chunk(blobs: Blobs, blob_id: bytes, length: int) -> bytes:
    """A chunk that must have this length. Raises Missing, Damaged ("size")."""
    plain = blobs.read(blob_id, CHUNK)
    if len(plain) != length:
        raise damaged(blob_id, "size")
    return plain


def read_chunk_into(blobs: Blobs, blob_id: bytes, length: int, room: Room) -> Buffer:
    """The same; it may lie in `room`."""
    plain = blobs.read_into(blob_id, CHUNK, room)
    if len(plain) != length:
        raise damaged(blob_id, "size")
    return plain


def read_value(blobs: Blobs, value: bytes | Pairs) -> bytes:
    """An attribute, link target or sparse map, wherever it is stored; at most 16 MiB. Raises Missing,
    Damaged.
    """
    if isinstance(value, bytes):
        return value
    if sum(length for _, length in value) > MAX_BLOB:
        raise damaged(value[0][0], "limit")
    return b"".join(read_chunk(blobs, blob_id, length) for blob_id, length in value)


def parts_of(blobs: Blobs, entry: Entry) -> Sequence[Part]:
    """What of a file is not a hole: all of it, unless it is sparse. Raises Missing, Damaged."""
    if entry.kind != FILE:
        return ()
    chunks = sparse_map_chunks(entry)
    if chunks is None:
        parts = sparse_map(entry)
        return parts if parts is not None else ((0, entry.size),) if entry.size else ()
    try:
        return decode_sparse(read_value(blobs, chunks), entry.size)
    except Refused as error:
        raise damaged(chunks[0][0], error.reason) from error


@dataclass(frozen=True, slots=True)
class Piece:
    """`length` bytes of a file at offset `at`: they start at byte `start` of the chunk, which has
    `chunk_length`.
    """

    at: int
    id: bytes
    chunk_length: int
    start: int
    length: int


def pieces(blobs: Blobs, entry: Entry, offset: int = 0) -> Iterator[Piece]:
    """Lay a file's chunks into its parts that are not holes, from byte `offset` of the file on.

    Raises Missing, Damaged; "size" where the chunks end before the file does, or go on behind it.
    """
    parts = parts_of(blobs, entry)
    first = position = 0
    while first < len(parts) and sum(parts[first]) <= offset:
        position += parts[first][1]
        first += 1
    wanted = [*parts[first:]]
    if wanted:
        skipped = max(0, offset - wanted[0][0])
        wanted[0] = (wanted[0][0] + skipped, wanted[0][1] - skipped)
        position += skipped
    return _lay(extents(blobs, entry.content or (), position), wanted, position)


def _lay(chunks: Iterator[Extent], parts: Sequence[Part], position: int) -> Iterator[Piece]:
    """`position` is where in the content the first part begins; the first chunk holds that byte."""
    chunk = next(chunks, None)
    for part, length in parts:
        done = 0
        while done < length:
            if chunk is None:
                raise damaged(b"", "size")
            blob_id, chunk_at, chunk_length = chunk
            start = position - chunk_at
            size = min(chunk_length - start, length - done)
            yield Piece(part + done, blob_id, chunk_length, start, size)
            done += size
            position += size
            if start + size == chunk_length:
                chunk = next(chunks, None)
    if chunk is not None:
        raise damaged(chunk[0], "size")


def identity(entry: Entry) -> tuple[object, ...]:
    """Equal for two entries exactly where a reader would get the same thing: kind, bytes with their holes,
    link.
    """
    return entry.kind, entry.content, entry.size, entry.extra.get("link"), entry.extra.get("sparse")
