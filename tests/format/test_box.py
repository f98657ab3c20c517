"""Boxes: what goes in comes out, and nothing else ever does."""

import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.format.values import KEYS, OTHER, fill, refused
from vaultd.errors import Refused
from vaultd.format.box import BoxHead, BoxWriter, offsets, open_box, padme, trailer_length, verify_box
from vaultd.format.codec import RAW, ZSTD
from vaultd.format.keys import Keys
from vaultd.format.limits import (
    BOX_HEADER,
    CHUNK,
    END,
    HEAD,
    INDEX,
    KIND_DATA,
    KIND_INDEX,
    KIND_LOG,
    KIND_TREE,
    LIST,
    MAX_BLOB,
    MAX_BOX,
    MIN_BOX,
    PACK_KINDS,
    PAGE,
    RECORD,
    TAG,
)
from vaultd.format.seal import Sealer, expand
from vaultd.format.table import Row, decode_table, encode_table

PLAINS = [b"one", b"two" * 100, bytes(1000)]


@given(st.lists(st.binary(min_size=1, max_size=3000), min_size=1, max_size=10))
def test_what_goes_in_comes_out(plains: list[bytes]) -> None:
    box = fill(plains)
    assert [plain for _, plain in open_box(box, KEYS, KIND_DATA)] == plains
    assert len(box) == padme(len(box)) >= MIN_BOX


@pytest.mark.parametrize(
    ("kind", "blob_type"),
    [
        (KIND_DATA, CHUNK),
        (KIND_DATA, PAGE),
        (KIND_DATA, LIST),
        (KIND_TREE, PAGE),
        (KIND_TREE, LIST),
        (KIND_INDEX, INDEX),
        (KIND_LOG, RECORD),
    ],
)
def test_every_kind_holds_its_types(kind: int, blob_type: int) -> None:
    box = fill([b"x"], kind=kind, blob_type=blob_type)
    [(row, plain)] = open_box(box, KEYS, kind)
    assert (row.type, plain) == (blob_type, b"x")


@pytest.mark.parametrize(
    ("kind", "blob_type"), [(KIND_TREE, CHUNK), (KIND_DATA, RECORD), (KIND_LOG, INDEX), (1, 0)]
)
def test_a_kind_takes_no_other_type(kind: int, blob_type: int) -> None:
    writer = BoxWriter(KEYS, kind, bytearray(4096))
    with refused("kind"):
        writer.add(bytes(32), blob_type, RAW, b"x", 1)


def test_blobs_can_be_opened_one_by_one() -> None:
    box = fill(PLAINS)
    head = BoxHead.parse(box[:HEAD], KEYS, PACK_KINDS)
    assert head.kind == KIND_DATA
    sealed_len = trailer_length(box[-END:])
    rows = head.trailer(box[-sealed_len - END :], len(box))
    scratch = memoryview(bytearray(2000))
    for number, (start, row) in enumerate(zip(offsets(rows), rows, strict=True)):
        sealed = box[start : start + row.sealed_len]
        assert head.open(number, sealed, row, KEYS) == PLAINS[number]
        assert head.open_into(number, sealed, row, KEYS, scratch) == PLAINS[number]


@pytest.mark.parametrize("mask", [0x01, 0x80, 0xFF])
def test_every_flipped_byte_is_refused(mask: int) -> None:
    box = bytearray(fill(PLAINS))
    for place in range(len(box)):
        box[place] ^= mask
        with pytest.raises(Refused):
            verify_box(box, KEYS, KIND_DATA)
        box[place] ^= mask
    verify_box(box, KEYS, KIND_DATA)


def test_every_other_length_is_refused() -> None:
    box = fill(PLAINS)
    for length in range(len(box)):
        with pytest.raises(Refused):
            open_box(box[:length], KEYS, KIND_DATA)
    with refused("truncated"):
        open_box(box + b"\0", KEYS, KIND_DATA)
    with refused("length", "tag"):
        open_box(box[:HEAD] + box, KEYS, KIND_DATA)


def test_the_same_blobs_never_make_the_same_box() -> None:
    first, second = fill(PLAINS), fill(PLAINS)
    assert len(first) == len(second)
    assert first[HEAD:] != second[HEAD:]
    assert first[48:BOX_HEADER] != second[48:BOX_HEADER]


def changed(box: bytes, place: int, new: bytes) -> bytes:
    return box[:place] + new + box[place + len(new) :]


@pytest.mark.parametrize(
    ("place", "new", "word"),
    [
        (0, b"VAULTBX2", "magic"),
        (8, b"\x02", "kind"),
        (8, b"\x09", "kind"),
        (9, b"\x01", "mode"),
        (10, b"\x01", "padding"),
        (15, b"\x01", "padding"),
        (16, b"\0", "vault"),
        (48, b"another salt than the one it had.", "commit"),
        (64, bytes(32), "commit"),
        (96, b"\0\0\0\0", "tag"),
        (-1, b"2", "truncated"),
        (-8, struct.pack("<I", 61), "length"),
        (-8, struct.pack("<I", 2**32 - 1), "length"),
        (-8, struct.pack("<I", 1024), "length"),
    ],
)
def test_each_field_has_its_word(place: int, new: bytes, word: str) -> None:
    box = fill([b"x" * 20])
    assert len(box) == 1024
    with refused(word):
        open_box(changed(box, place % len(box), new), KEYS, KIND_DATA)


def test_another_key_another_vault_another_kind() -> None:
    box = fill(PLAINS)
    with refused("commit"):
        open_box(box, OTHER, KIND_DATA)
    with refused("vault"):
        open_box(box, Keys.from_master(KEYS.master, bytes(16)), KIND_DATA)
    with refused("kind"):
        open_box(box, KEYS, KIND_LOG)
    tree = fill(PLAINS, kind=KIND_TREE, blob_type=PAGE)
    with refused("commit"):
        open_box(changed(tree, 8, bytes([KIND_DATA])), KEYS, KIND_DATA)


def test_swapped_blobs_are_refused() -> None:
    box = fill([b"a" * 10, b"b" * 10])
    first, second = box[HEAD : HEAD + 26], box[HEAD + 26 : HEAD + 52]
    with refused("tag"):
        open_box(changed(box, HEAD, second + first), KEYS, KIND_DATA)


def forged(trailer: bytes, sealed: bytes = b"", length: int = 1024, blob: bytes = b"x") -> bytes:
    """A box with a right seal around a wrong trailer, padded as the trailer has it or up to `length`."""
    header = b"VAULTBX1" + bytes([KIND_DATA, 0]) + bytes(6) + KEYS.vault_id + bytes(32)
    key, commit = expand("vaultd v1 box", KEYS.box_key(KIND_DATA), header)
    sealer = Sealer(key)
    blobs = bytearray(sealed or bytes(len(blob) + TAG))
    if not sealed:
        sealer.seal_into(blob, memoryview(blobs))
    trailer = trailer.ljust(length - HEAD - len(blobs) - END - TAG, b"\0")
    out = bytearray(len(trailer) + TAG)
    sealer.seal_trailer_into(trailer, memoryview(out))
    return header + commit + bytes(blobs) + bytes(out) + struct.pack("<I", len(out)) + b"BXE1"


def row(plain_len: int = 1, sealed_len: int = 17, codec: int = RAW, blob_type: int = CHUNK) -> bytes:
    return encode_table([Row(KEYS.blob_id(CHUNK, b"x"), blob_type, codec, sealed_len, plain_len)])


ONE = struct.pack("<I", 1)


def test_a_forged_box_can_be_right() -> None:
    assert open_box(forged(ONE + row()), KEYS, KIND_DATA)[0][1] == b"x"


@pytest.mark.parametrize(
    ("trailer", "word"),
    [
        (struct.pack("<I", 0), "limit"),
        (struct.pack("<I", 2**20 + 1), "limit"),
        (struct.pack("<I", 2**32 - 1), "limit"),
        (struct.pack("<I", 2**20), "length"),
        (ONE + row() + b"\1", "padding"),
        (ONE + row().ljust(800, b"\0") + b"\1", "padding"),
        (ONE + row(plain_len=0, sealed_len=16), "limit"),
        (ONE + row(plain_len=MAX_BLOB + 1), "limit"),
        (ONE + row(plain_len=2), "codec"),
        (ONE + row(codec=2), "codec"),
        (ONE + row(codec=ZSTD), "codec"),
        (ONE + row(codec=ZSTD, plain_len=2), "codec"),
        (ONE + row(plain_len=2, sealed_len=18), "length"),
        (ONE + row(blob_type=RECORD), "kind"),
        (ONE + row(blob_type=PAGE), "id"),
        (struct.pack("<I", 2) + row() + row(), "length"),
    ],
)
def test_a_sealed_lie_is_refused(trailer: bytes, word: str) -> None:
    with refused(word):
        open_box(forged(trailer), KEYS, KIND_DATA)


def test_a_box_over_its_limit_is_refused_by_its_length() -> None:
    box = fill([b"x"])
    head = BoxHead.parse(box, KEYS, KIND_DATA)
    with refused("limit"):
        head.trailer(box, MAX_BOX + 1)
    with refused("truncated"):
        head.trailer(box, MIN_BOX - 1)
    with refused("truncated"):
        head.trailer(box[-20:], len(box))


def test_a_row_that_lies_is_refused_when_its_blob_is_opened() -> None:
    box = fill([b"x" * 30])
    head = BoxHead.parse(box, KEYS, KIND_DATA)
    [right] = head.trailer(box, len(box))
    sealed = box[HEAD : HEAD + right.sealed_len]
    assert head.open(0, sealed, right, KEYS) == b"x" * 30
    lies = {
        "tag": (1, right),
        "length": (0, right._replace(codec=RAW, plain_len=99, sealed_len=115)),
        "kind": (0, right._replace(type=RECORD)),
        "limit": (0, right._replace(plain_len=MAX_BLOB + 1)),
        "codec": (0, right._replace(codec=7)),
        "id": (0, right._replace(id=bytes(32))),
    }
    for word, (number, lie) in lies.items():
        with refused(word):
            head.open(number, sealed, lie, KEYS)


def test_a_buffer_can_be_lent_again() -> None:
    buffer = bytearray(8192)
    for size in (3000, 10, 2000):
        buffer[:] = b"\xff" * len(buffer)
        writer = BoxWriter(KEYS, KIND_DATA, buffer)
        writer.add(KEYS.blob_id(CHUNK, b"z" * size), CHUNK, RAW, b"z" * size, size)
        box = writer.finish()
        assert [plain for _, plain in open_box(box, KEYS, KIND_DATA)] == [b"z" * size]


def test_room_is_never_promised_in_vain(rng: random.Random) -> None:
    for _ in range(50):
        writer = BoxWriter(KEYS, KIND_DATA, bytearray(rng.randrange(MIN_BOX, 20_000)))
        while writer.room(size := rng.randrange(1, 900)):
            plain = rng.randbytes(size)
            writer.add(KEYS.blob_id(CHUNK, plain), CHUNK, RAW, plain, size)
        with pytest.raises(ValueError, match="room"):
            writer.add(bytes(32), CHUNK, RAW, bytes(size), size)
        if writer.rows:
            size = writer.size
            assert len(writer.finish()) == padme(size)


def test_an_empty_box_is_not_made() -> None:
    with pytest.raises(ValueError, match="blobs"):
        BoxWriter(KEYS, KIND_DATA, bytearray(4096)).finish()
    with pytest.raises(ValueError, match="smallest"):
        BoxWriter(KEYS, KIND_DATA, bytearray(MIN_BOX - 1))


@given(st.integers(0, 2**40))
def test_padme_hides_lengths_cheaply(length: int) -> None:
    padded = padme(length)
    assert padded >= max(length, MIN_BOX)
    assert padme(padded) == padded
    assert padded <= max(length, MIN_BOX) * 1.12


def test_padme_is_the_one_of_the_paper() -> None:
    # E = 20, S = 5: multiples of 2^15.
    assert [padme(n) for n in (0, 1024, 1025, 2**20, 2**20 + 1)] == [1024, 1024, 1088, 2**20, 2**20 + 2**15]


def test_a_table_survives_and_is_checked() -> None:
    box = fill(PLAINS)
    rows = BoxHead.parse(box, KEYS, KIND_DATA).trailer(box, len(box))
    assert decode_table(encode_table(rows), KIND_DATA) == rows
    with refused("length"):
        decode_table(encode_table(rows)[:-1], KIND_DATA)
    with refused("limit"):
        decode_table(b"", KIND_DATA)
    with refused("kind"):
        decode_table(encode_table(rows), KIND_LOG)
    assert offsets([]) == []
