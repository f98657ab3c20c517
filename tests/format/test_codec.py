"""Stored bytes: smaller where they can be, and never trusted."""

import random
import resource
import subprocess
import sys

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from tests.format.values import refused
from vaultd.format.codec import RAW, ZSTD, decode, encode, encode_many
from vaultd.format.limits import MAX_BLOB, MIB

TEXT = b"one line after the other\n" * 4000


@given(st.binary(min_size=1, max_size=2000), st.integers(1, 40))
def test_there_and_back(part: bytes, times: int) -> None:
    plain = part * times
    codec, stored = encode(plain)
    assert decode(codec, stored, len(plain)) == plain
    assert len(stored) < len(plain) if codec == ZSTD else stored is plain


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=2000), st.integers(1, 40)), max_size=12))
def test_many_at_once_there_and_back(parts: list[tuple[bytes, int]]) -> None:
    plains = [part * times for part, times in parts]
    encoded = encode_many(plains)
    assert [bytes(stored) for _, stored in encoded] == [bytes(encode(plain)[1]) for plain in plains]
    for plain, (codec, stored) in zip(plains, encoded, strict=True):
        assert decode(codec, stored, len(plain)) == plain


def test_text_is_made_smaller_and_photos_are_left_alone(rng: random.Random) -> None:
    assert encode(TEXT)[0] == ZSTD
    photo = rng.randbytes(MIB)
    assert encode(photo) == (RAW, photo)
    assert encode(memoryview(bytearray(photo)))[0] == RAW


def test_a_blob_that_is_random_only_in_the_middle_is_made_smaller(rng: random.Random) -> None:
    assert encode(bytes(MIB // 2 - 4096) + rng.randbytes(8192) + bytes(MIB // 2))[0] == ZSTD


def test_random_bytes_never_grow(rng: random.Random) -> None:
    for length in (1, 2, 10, 1000, 16_384, 16_385):
        plain = rng.randbytes(length)
        codec, stored = encode(plain)
        assert (codec, stored) == (RAW, plain)


def frame(plain: bytes, write_content_size: bool = True) -> bytes:
    return zstandard.ZstdCompressor(write_content_size=write_content_size).compress(plain)


def skippable(data: bytes) -> bytes:
    return b"\x50\x2a\x4d\x18" + len(data).to_bytes(4, "little") + data


def with_dictionary() -> bytes:
    words = zstandard.ZstdCompressionDict(TEXT[:2000], dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    trained = zstandard.train_dictionary(
        2000, [TEXT[i : i + 97] + bytes([i % 251]) for i in range(0, 9000, 13)]
    )
    assert words.dict_id() == 0
    assert trained.dict_id() != 0
    return zstandard.ZstdCompressor(dict_data=trained).compress(TEXT)


@pytest.mark.parametrize(
    ("stored", "plain_len"),
    [
        (frame(TEXT), len(TEXT) - 1),
        (frame(TEXT), len(TEXT) + 1),
        (frame(TEXT)[:-1], len(TEXT)),
        (frame(TEXT) + b"\0", len(TEXT)),
        (frame(TEXT) + frame(b""), len(TEXT)),
        (frame(TEXT[:1000]) + frame(TEXT[1000:]), len(TEXT)),
        (skippable(b"abc") + frame(TEXT), len(TEXT)),
        (frame(TEXT) + skippable(b"abc"), len(TEXT)),
        (skippable(b"abc"), 3),
        (skippable(b"abc"), 100),
        (frame(TEXT, write_content_size=False), len(TEXT)),
        (with_dictionary(), len(TEXT)),
        (frame(b"abc"), 3),
        (b"", 10),
        (b"\x28\xb5\x2f\xfd", 10),
        (TEXT[:100], len(TEXT)),
        (b"\x28\xb5\x2f\xfd" + bytes(40), 10_000),
    ],
)
def test_another_frame_is_refused(stored: bytes, plain_len: int) -> None:
    with refused("codec"):
        decode(ZSTD, stored, plain_len)


def test_another_codec_or_raw_length_is_refused() -> None:
    for codec, plain_len in ((RAW, 4), (RAW, 2), (2, 3), (255, 3)):
        with refused("codec"):
            decode(codec, b"abc", plain_len)


@given(st.integers(0, len(frame(TEXT)) - 1), st.integers(1, 255))
def test_a_changed_frame_is_refused_or_gives_as_many_bytes(place: int, mask: int) -> None:
    changed = bytearray(frame(TEXT))
    changed[place] ^= mask
    try:
        with refused("codec"):
            decode(ZSTD, changed, len(TEXT))
    except pytest.fail.Exception:  # it gave bytes; the blob's id tells that they are others
        assert len(decode(ZSTD, changed, len(TEXT))) == len(TEXT)


BOMB = """
import sys
import zstandard
from vaultd.errors import Refused
from vaultd.format.codec import decode
stream = zstandard.ZstdCompressor().compressobj()
endless = b"".join(stream.compress(bytes(1 << 20)) for _ in range(1 << 9)) + stream.flush()
bombs = [endless, zstandard.ZstdCompressor().compress(bytes(1 << 29))]
# A frame that declares a window of 2 GiB: 0xA8 is exponent 21 above 2^10.
lying = bytes.fromhex("28b52ffd40a8") + (1000 - 256).to_bytes(2, "little") + b"\\x01\\x00\\x00" + bytes(30)
open("/proc/self/clear_refs", "w").write("5")
def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
start = peak()
for stored in [*bombs, lying]:
    for plain_len in (1000, 1 << 20, 16 << 20):
        if len(stored) < plain_len:
            try:
                decode(1, stored, plain_len)
            except Refused as refusal:
                assert refusal.reason == "codec"
            else:
                sys.exit("it was taken")
print(peak() - start)
"""


def test_a_bomb_takes_no_memory() -> None:
    done = subprocess.run([sys.executable, "-c", BOMB], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 64 * 1024  # KiB; the bombs hold 512 MiB each


def test_the_largest_blob_is_decoded_within_its_size() -> None:
    plain = bytes(MAX_BLOB)
    codec, stored = encode(plain)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert decode(codec, stored, MAX_BLOB) == plain
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 3 * MAX_BLOB // 1024
