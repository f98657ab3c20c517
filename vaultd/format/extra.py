"""What few entries have: the map at the end of an entry (docs/format.md, section 7)."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, TypedDict

import msgspec
from msgspec import Meta

from vaultd.errors import Refused
from vaultd.format import canon
from vaultd.format.canon import Bytes16, Bytes32, Int, Size
from vaultd.format.limits import MAX_INLINE, Buffer

Length = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Pairs = Annotated[tuple[tuple[Bytes32, Length], ...], Meta(max_length=MAX_INLINE)]
"""Chunks in order: (id, plain length in bytes)."""
Parts = tuple[tuple[Size, Length], ...]
"""What of a sparse file is not a hole: (offset, length in bytes), ascending, not touching."""


class ExtraMap(TypedDict, total=False):
    """The keys that version 1 knows. A value given as pairs stands in those chunks."""

    birth: Int
    hard: Bytes16
    how: str
    link: bytes | Pairs
    missed: Int
    owner: tuple[str, str]
    rdev: tuple[Size, Size]
    sparse: tuple[tuple[Size | Bytes32, Length], ...]
    stale: tuple[str, Int]
    xattr: dict[bytes, bytes | Pairs]


_KNOWN = frozenset(ExtraMap.__annotations__)
_parts = msgspec.msgpack.Decoder(Parts)


def split_extra(value: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """(known, unknown) keys of a decoded map; the known values have the types of `ExtraMap`.

    Raises Refused("shape").
    """
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise Refused("shape", "extra")
    known = {key: item for key, item in value.items() if key in _KNOWN}
    unknown = {key: item for key, item in value.items() if key not in _KNOWN}
    return dict(canon.convert(known, ExtraMap)), unknown


def sparse_parts(extra: Mapping[str, Any]) -> Parts | None:
    """The sparse map where it stands in the entry; None where there is none or it is stored as chunks."""
    value = extra.get("sparse")
    return value if value is not None and not _is_pairs(value) else None


def sparse_pairs(extra: Mapping[str, Any]) -> Pairs | None:
    """The chunks that hold the encoded sparse map; None where there is none or it stands in the entry."""
    value = extra.get("sparse")
    return value if value is not None and _is_pairs(value) else None


def _is_pairs(value: tuple[tuple[int | bytes, int], ...]) -> bool:
    return bool(value) and isinstance(value[0][0], bytes)


def encode_sparse(parts: Parts) -> bytes:
    """The encoding of a sparse map, for one that is too long for its entry."""
    return canon.encode(parts)


def decode_sparse(data: Buffer, size: int) -> Parts:
    """A sparse map from the chunks that held it. Raises Refused: "canonical", "depth", "shape", "size"."""
    parts = canon.decode_as(_parts, data)
    check_parts(parts, size)
    return parts


def check_sparse(extra: Mapping[str, Any], size: int) -> int | None:
    """Bytes of content that a file's sparse map asks for; None where the map is elsewhere.

    Raises Refused: "shape" for a mixture of parts and pairs, "size" for parts out of place.
    """
    value: tuple[tuple[Any, int], ...] = extra["sparse"]
    if len({type(first) for first, _ in value}) > 1 or (_is_pairs(value) and len(value) > MAX_INLINE):
        raise Refused("shape", "sparse")
    if _is_pairs(value):
        return None
    check_parts(value, size)
    return sum(length for _, length in value)


def check_parts(parts: Parts, size: int) -> None:
    """Raises Refused("size") for parts that do not ascend, touch, or leave the file."""
    for (start, length), (following, _) in pairwise(parts):
        if start + length >= following:
            raise Refused("size", "parts of a sparse file that touch")
    if parts and sum(parts[-1]) > size:
        raise Refused("size", "a part past the end of a sparse file")
