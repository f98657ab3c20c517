"""How the plain bytes of a blob become its stored bytes: as they are, or as one zstd frame."""

import threading
from collections.abc import Iterable, Sequence
from typing import cast

import zstandard

from vaultd.errors import Refused
from vaultd.format.limits import KIB, Buffer

RAW, ZSTD = 0, 1
LEVEL = 3
# What is this short comes out nearly as small (0.2 to 0.4 % more) and takes a quarter less time.
_SHORT, _SHORT_LEVEL = 32 * KIB, 1
_MAGIC = b"\x28\xb5\x2f\xfd"
_SAMPLE = 4 * KIB
_SAMPLED_FROM = 16 * KIB  # below this, trying costs no more than looking
_SPREAD_FROM = 256 * KIB  # above this, one place says too little of the whole
_PROMISING = (
    _SAMPLE - _SAMPLE // 20
)  # a sample that shrinks by less than 5 % is a photo, a video or an archive


class _Zstd(threading.local):
    """Compressors and a decompressor for each thread; making them costs more than most blobs do."""

    def __init__(self) -> None:
        short = zstandard.ZstdCompressor(level=_SHORT_LEVEL, write_checksum=False)
        self.compress = zstandard.ZstdCompressor(level=LEVEL, write_checksum=False).compress
        self.compress_short = short.compress
        self.compress_many_short = short.multi_compress_to_buffer
        self.decompress = zstandard.ZstdDecompressor().decompress


_zstd = _Zstd()


def encode(plain: Buffer) -> tuple[int, Buffer]:
    """(codec, stored bytes) of a blob. Codec 0 returns `plain` itself, not a copy; zstd only where it is
    smaller.
    """
    if len(plain) > _SAMPLED_FROM and not _promising(plain):
        return RAW, plain
    return _smaller((_zstd.compress_short if len(plain) <= _SHORT else _zstd.compress)(plain), plain)


def encode_many(plains: Sequence[Buffer]) -> list[tuple[int, Buffer]]:
    """`encode` of each. What is not sampled goes in one call: one by one, a thread waits longer for its turn
    with the interpreter than such a blob takes.
    """
    short = [plain for plain in plains if len(plain) <= _SAMPLED_FROM]
    frames = cast("Iterable[bytes]", _zstd.compress_many_short(short) if short else ())
    views = (memoryview(frame) for frame in frames)
    return [
        _smaller(next(views), plain) if len(plain) <= _SAMPLED_FROM else encode(plain) for plain in plains
    ]


def _smaller(frame: Buffer, plain: Buffer) -> tuple[int, Buffer]:
    return (ZSTD, frame) if len(frame) < len(plain) else (RAW, plain)


def decode(codec: int, stored: Buffer, plain_len: int) -> Buffer:
    """The plain bytes, exactly `plain_len` of them; codec 0 returns `stored` itself, not a copy.

    Raises Refused("codec") for anything else. Never allocates for more than `plain_len` bytes, whatever the
    frame says.
    """
    if codec == RAW and len(stored) == plain_len:
        return stored
    if codec != ZSTD or len(stored) >= plain_len:
        raise Refused("codec", f"codec {codec}: {len(stored)} stored bytes for {plain_len}")
    try:
        return _decompress(stored, plain_len)
    except zstandard.ZstdError as error:
        raise Refused("codec", str(error)) from None


def _promising(plain: Buffer) -> bool:
    view = memoryview(plain)
    quarter = len(view) // 4
    starts = (quarter, 2 * quarter, 3 * quarter) if len(view) >= _SPREAD_FROM else (2 * quarter,)
    return any(len(_zstd.compress_short(view[start : start + _SAMPLE])) < _PROMISING for start in starts)


def _decompress(frame: Buffer, plain_len: int) -> bytes:
    if frame[:4] != _MAGIC:  # a skippable frame would have a size of its own, and no bytes
        raise Refused("codec", "not a zstd frame")
    declared = zstandard.get_frame_parameters(frame)
    if declared.content_size != plain_len or declared.dict_id:
        raise Refused("codec", f"frame of {declared.content_size} bytes for {plain_len}")
    plain = _zstd.decompress(frame, max_output_size=plain_len, allow_extra_data=False)
    if len(plain) != plain_len:
        raise Refused("codec", f"{len(plain)} bytes for {plain_len}")
    return plain
