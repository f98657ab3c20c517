"""A bit that flips in memory, or a compressor that is wrong, does not leave the machine (rows 8 and 9 of the
hazards).
"""

import random
from collections.abc import Callable

import pytest

from tests.format.values import KEYS, fill
from vaultd.errors import Refused
from vaultd.format import box as box_module
from vaultd.format import codec
from vaultd.format.box import BoxWriter, verify_box
from vaultd.format.limits import CHUNK, KIND_DATA, Buffer
from vaultd.format.table import Row

TEXT = b"a chat message, and another one. " * 2000


def flipped(data: Buffer, rng: random.Random) -> bytes:
    changed = bytearray(data)
    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


@pytest.mark.parametrize("plain", [TEXT, random.Random(1).randbytes(70_000)], ids=["zstd", "raw"])
@pytest.mark.parametrize("stage", ["before encoding", "after encoding", "id"])
def test_a_flip_before_sealing(plain: bytes, stage: str, rng: random.Random) -> None:
    blob_id = KEYS.blob_id(CHUNK, plain)
    if stage == "before encoding":
        plain = flipped(plain, rng)
    kind, stored = codec.encode(plain)
    if stage == "after encoding":
        stored = flipped(stored, rng)
    if stage == "id":
        blob_id = flipped(blob_id, rng)
    writer = BoxWriter(KEYS, KIND_DATA, bytearray(200_000))
    writer.add(blob_id, CHUNK, kind, stored, len(plain))
    with pytest.raises(Refused) as caught:
        writer.finish()
    assert caught.value.reason in ("id", "codec")


def test_a_flip_in_the_buffer_after_sealing(rng: random.Random) -> None:
    for _ in range(40):
        buffer = bytearray(200_000)
        writer = BoxWriter(KEYS, KIND_DATA, buffer)
        writer.add(KEYS.blob_id(CHUNK, TEXT), CHUNK, *codec.encode(TEXT), len(TEXT))
        buffer[rng.randrange(writer.rows[0].sealed_len + 96)] ^= 1 << rng.randrange(8)
        with pytest.raises(Refused):
            writer.finish()


def test_a_flip_in_the_rows_that_are_kept() -> None:
    def wrong(row: Row) -> list[Row]:
        return [
            row._replace(id=bytes(32)),
            row._replace(plain_len=row.plain_len + 1),
            row._replace(codec=codec.ZSTD),
        ]

    for number in range(3):
        writer = BoxWriter(KEYS, KIND_DATA, bytearray(4096))
        writer.add(KEYS.blob_id(CHUNK, b"abc"), CHUNK, codec.RAW, b"abc", 3)
        writer.rows[0] = wrong(writer.rows[0])[number]
        with pytest.raises(Refused):
            writer.finish()


def _swap(frame: bytes) -> bytes:
    return codec._zstd.compress(TEXT[::-1])


def _shorten(frame: bytes) -> bytes:
    return frame[:-1]


def _append(frame: bytes) -> bytes:
    return frame + b"\0"


@pytest.mark.parametrize("wrong", [_swap, _shorten, _append])
def test_a_compressor_that_is_wrong_once_in_a_thousand(wrong: Callable[[bytes], bytes]) -> None:
    writer = BoxWriter(KEYS, KIND_DATA, bytearray(1_000_000))
    for number in range(1000):
        plain = TEXT + bytes([number % 256, number // 256])
        kind, stored = codec.encode(plain)
        stored = wrong(bytes(stored)) if number == 617 else stored
        writer.add(KEYS.blob_id(CHUNK, plain), CHUNK, kind, stored, len(plain))
    with pytest.raises(Refused):
        writer.finish()


def test_a_verification_that_does_nothing_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(box_module, "_check_id", lambda *_: None)
    writer = BoxWriter(KEYS, KIND_DATA, bytearray(4096))
    writer.add(bytes(32), CHUNK, codec.RAW, b"abc", 3)
    writer.finish()
    monkeypatch.undo()
    with pytest.raises(Refused):
        verify_box(bytes(writer._view[:1024]), KEYS, KIND_DATA)


def test_who_verifies_elsewhere_gets_the_same_answer() -> None:
    good = fill([TEXT, b"x"], verify=False)
    assert [row.plain_len for row in verify_box(good, KEYS, KIND_DATA)] == [len(TEXT), 1]
