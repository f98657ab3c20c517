"""Boxes that must be refused: heads, trailers, footers and blobs."""

import struct
from collections.abc import Iterator
from typing import Any

import zstandard

from tests.vectors.vectors import Vector
from tests.vectors.writer import CHUNK, INDEX, LIST, PAGE, RECORD, VAULT_ID, Blob, Maker, derive, pack

OTHER = bytes(range(0xB0, 0xC0))
TEXT = b"some bytes of a file, some bytes of a file, some bytes of a file"
MIB = 1 << 20


def noise(length: int) -> bytes:
    return derive("tests/vectors noise", b"box", length)


def vectors() -> Iterator[Vector]:
    yield from heads(Maker(seed="boxes: heads"))
    yield from cut(Maker(seed="boxes: cut"))
    yield from trailers(Maker(seed="boxes: trailers"))
    yield from tables(Maker(seed="boxes: tables"))
    yield from frames(Maker(seed="boxes: frames"))
    yield from seals(Maker(seed="boxes: seals"))


def vector(
    name: str, expect: str, comment: str, data: bytes, kind: int = 1, maker: Maker | None = None
) -> Vector:
    maker = maker or Maker()
    more = {"master": maker.master.hex(), "vault-id": VAULT_ID.hex(), "box-kind": str(kind)}
    return Vector(f"box-{name}", "box", expect, comment, data, more)


def plain(length: int = 100) -> list[Blob]:
    return [Blob(CHUNK, noise(length))]


def heads(maker: Maker) -> Iterator[Vector]:
    def box(**odd: Any) -> bytes:
        return maker.box(odd.pop("kind", 1), odd.pop("blobs", plain()), **odd)

    yield vector("magic", "magic", "a file of something else", box(magic=b"VAULTBX2"))
    yield vector("mode", "mode", "mode 1 may come one day; it cannot be read today", box(mode=1))
    yield vector("kind-0", "kind", "there is no kind 0", box(kind=0))
    yield vector("kind-9", "kind", "a kind that version 1 does not know", box(kind=9))
    yield vector("kind-4-as-pack", "kind", "a log box under packs/", box(kind=4, blobs=[Blob(RECORD, TEXT)]))
    yield vector("kind-1-as-log", "kind", "a user's pack under log/", box(), 4)
    yield vector("kind-1-as-index", "kind", "a user's pack under index/", box(), 3)
    yield vector("kind-3-as-log", "kind", "an index under log/", box(kind=3, blobs=[Blob(INDEX, TEXT)]), 4)
    swapped = box(kind=1)
    yield vector(
        "kind-byte-1-to-4",
        "commit",
        "the kind byte of a pack is made 4",
        swapped[:8] + b"\4" + swapped[9:],
        4,
    )
    yield vector(
        "kind-byte-1-to-2",
        "commit",
        "the kind byte of a pack is made 2",
        swapped[:8] + b"\2" + swapped[9:],
        2,
    )
    yield vector(
        "keyed-as-another-kind", "commit", "kind 4 sealed with the key of kind 1", box(kind=4, key_kind=1), 4
    )
    yield vector("reserved", "padding", "the last of the six zero bytes is 1", box(zeros=bytes(5) + b"\1"))
    yield vector("other-vault", "vault", "another vault's box", Maker(vault_id=OTHER).box(1, plain()))
    stranger = Maker(master=bytes(32)).box(1, plain())
    yield vector("other-master", "commit", "this vault's id, and a key that is not this vault's", stranger)
    yield vector("commit", "commit", "one bit of the commitment is flipped", box(flip_commit=True))
    salted = box()
    yield vector(
        "salt",
        "commit",
        "one bit of the salt is flipped",
        salted[:40] + bytes([salted[40] ^ 1]) + salted[41:],
    )


def cut(maker: Maker) -> Iterator[Vector]:
    whole = maker.box(1, [Blob(CHUNK, noise(3000)), Blob(CHUNK, noise(500))])
    places = {
        "empty": 0, "in-magic": 5, "in-head": 60, "in-commit": 90, "after-commit": 96, "in-first-blob": 2000,
        "in-second-blob": 3300, "in-trailer": len(whole) - 60, "before-footer": len(whole) - 8,
        "by-one": len(whole) - 1,
    }  # fmt: skip
    for name, end in places.items():
        yield vector(f"cut-{name}", "truncated", f"{end} of {len(whole)} bytes", whole[:end])
    yield vector(
        "end-magic", "truncated", "the last four bytes are not BXE1", maker.box(1, plain(), end=b"BXE2")
    )
    yield vector("appended", "truncated", "more follows after the end", whole + b"\n" * 16)
    small = maker.box(1, plain(10), padded=False)
    yield vector("under-1024", "truncated", f"a sound box of {len(small)} bytes, without padding", small)


def trailers(maker: Maker) -> Iterator[Vector]:
    def box(**odd: Any) -> bytes:
        return maker.box(1, odd.pop("blobs", plain()), **odd)

    yield vector(
        "trailer-past-the-start",
        "length",
        "the trailer is said to begin before the file",
        box(trailer_len=5000),
    )
    yield vector("trailer-4-gib", "length", "a trailer of 4 GiB", box(trailer_len=2**32 - 1))
    yield vector(
        "trailer-into-the-head",
        "length",
        "the trailer is said to begin in the commitment",
        box(trailer_len=940),
    )
    yield vector("trailer-0", "length", "a trailer without a tag", box(trailer_len=0))
    yield vector("trailer-only-a-tag", "length", "a trailer without a count", box(trailer_len=16))
    yield vector(
        "trailer-shorter-than-it-is", "tag", "a trailer that begins later than it does", box(trailer_len=400)
    )
    yield vector("count-0", "limit", "a box without blobs", box(blobs=[], count=0))
    yield vector("count-over", "limit", "2^20 + 1 blobs", box(count=(1 << 20) + 1))
    yield vector("count-4-billion", "limit", "as many blobs as the count can say", box(count=2**32 - 1))
    yield vector(
        "count-past-the-trailer", "length", "more lines than the trailer has room for", box(count=1000)
    )
    yield vector("padding", "padding", "the last byte of the padding is 1", box(pad=lambda z: z[:-1] + b"\1"))
    yield vector(
        "padding-first", "padding", "the first byte of the padding is 1", box(pad=lambda z: b"\1" + z[1:])
    )
    broken = box()
    yield vector(
        "trailer-tag",
        "tag",
        "one bit of the trailer is flipped",
        broken[:-50] + bytes([broken[-50] ^ 1]) + broken[-49:],
    )


def tables(maker: Maker) -> Iterator[Vector]:
    def box(*blobs: Blob, **odd: Any) -> bytes:
        return maker.box(odd.pop("kind", 1), blobs, **odd)

    short = Blob(CHUNK, noise(200), codec=0, sealed_len=116, plain_len=100)
    longer = Blob(CHUNK, noise(100), codec=0, sealed_len=216, plain_len=200)
    yield vector("bytes-left-over", "length", "lengths that end before the trailer", box(short))
    yield vector(
        "lengths-overlap",
        "length",
        "two blobs that would have to share bytes",
        box(longer, Blob(CHUNK, noise(300))),
    )
    yield vector(
        "bytes-between",
        "length",
        "bytes between the last blob and the trailer",
        box(*plain(), between=bytes(9)),
    )
    huge = Blob(CHUNK, TEXT, codec=0, sealed_len=16 * MIB + 17, plain_len=16 * MIB + 1)
    yield vector("blob-over-16-mib", "limit", "a blob that is said to have a byte too many", box(huge))
    yield vector("blob-empty", "limit", "a blob without bytes", box(Blob(CHUNK, b"", codec=0)))
    yield vector("type-6", "kind", "a type of blob that nothing holds", box(Blob(6, TEXT)))
    yield vector("type-record-in-pack", "kind", "a record in a pack", box(Blob(RECORD, TEXT)))
    yield vector(
        "type-chunk-in-kind-2", "kind", "a chunk in a pack of pages", box(Blob(CHUNK, TEXT), kind=2), 2
    )
    yield vector("type-page-in-log", "kind", "a page in a log box", box(Blob(PAGE, pack([])), kind=4), 4)
    yield vector("type-list-in-index", "kind", "a list in an index", box(Blob(LIST, TEXT), kind=3), 3)
    yield vector(
        "codec-2",
        "codec",
        "a codec that is not known",
        box(Blob(CHUNK, noise(100), codec=2, stored=noise(90))),
    )
    raw = Blob(CHUNK, noise(100), codec=0, plain_len=101)
    yield vector("raw-lengths", "codec", "stored raw, and sealed_len is not plain_len + 16", box(raw))
    frame = zstandard.ZstdCompressor(level=1).compress(noise(100))
    yield vector(
        "zstd-larger", "codec", "compressed and not smaller for it", box(Blob(CHUNK, noise(100), 1, frame))
    )


def frames(maker: Maker) -> Iterator[Vector]:
    """Frames of zstd that are not as the format says, each in a blob that is otherwise right."""
    data = b"compress me " * 500
    level = zstandard.ZstdCompressor(level=3)
    one = level.compress(data)
    bomb = level.compress(bytes(64 * MIB))
    dictionary = zstandard.ZstdCompressionDict(b"compress me " * 50, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    trained = zstandard.train_dictionary(1024, [b"compress me %d" % i * 9 for i in range(500)])
    halves = level.compress(data[:3000]) + level.compress(data[3000:])
    stream = zstandard.ZstdCompressor(level=3, write_content_size=False).compress(data)
    cases = {
        "bomb": ("a frame of 64 MiB in a blob of 6,000 bytes", bomb),
        "size-undeclared": ("a frame that does not say how long it is", stream),
        "size-low": ("a frame that declares fewer bytes than the trailer", level.compress(data[:-1])),
        "size-lie": ("a frame that declares 6,000 bytes and holds more", _lie(level.compress(data * 4), one)),
        "two-frames": ("two frames that make 6,000 bytes together", halves),
        "trailing-bytes": ("bytes after the frame", one + b"\0\0"),
        "skippable": (
            "a frame that is skipped, and then the right one",
            struct.pack("<II", 0x184D2A50, 4) + bytes(4) + one,
        ),
        "dictionary-id": (
            "a frame that names a dictionary",
            zstandard.ZstdCompressor(dict_data=trained).compress(data),
        ),
        "dictionary": (
            "a frame that needs a dictionary",
            zstandard.ZstdCompressor(dict_data=dictionary).compress(data),
        ),
        "cut": ("a frame that ends too early", one[:-4]),
        "not-zstd": ("bytes that are no frame", bytes(50)),
    }
    for name, (comment, stored) in cases.items():
        box = maker.box(1, [Blob(CHUNK, data, codec=1, stored=stored)])
        yield vector(f"zstd-{name}", "codec", comment, box)


def _lie(frame: bytes, model: bytes) -> bytes:
    """A frame whose declared content size is made that of another, which has the same form of header."""
    size = len(zstandard.ZstdDecompressor().decompress(model))
    declared = zstandard.get_frame_parameters(frame).content_size
    old, new = struct.pack("<H", declared - 256), struct.pack("<H", size - 256)
    assert frame[5:7] == old
    return frame[:5] + new + frame[7:]


def seals(maker: Maker) -> Iterator[Vector]:
    yield vector(
        "blob-tag",
        "tag",
        "one bit of a blob's tag is flipped",
        maker.box(1, [Blob(CHUNK, TEXT, break_tag=True)]),
    )
    whole = maker.box(1, [Blob(CHUNK, noise(500), 0), Blob(CHUNK, noise(500)[::-1], 0)])
    swapped = whole[:96] + whole[612:1128] + whole[96:612] + whole[1128:]
    yield vector("blobs-swapped", "tag", "two sealed blobs of one box have changed places", swapped)
    flipped = whole[:300] + bytes([whole[300] ^ 128]) + whole[301:]
    yield vector("blob-bit", "tag", "one bit of a blob is flipped", flipped)
    yield vector("id", "id", "the trailer says another id", maker.box(1, [Blob(CHUNK, TEXT, id=bytes(32))]))
    as_page = Blob(PAGE, pack([]), id=maker.id(CHUNK, pack([])))
    yield vector(
        "id-of-another-type",
        "id",
        "a page under the id that its bytes have as a chunk",
        maker.box(1, [as_page]),
    )
    foreign = Blob(CHUNK, TEXT, id=Maker(vault_id=OTHER).id(CHUNK, TEXT))
    yield vector(
        "id-of-another-vault", "id", "the id that these bytes have in another vault", maker.box(1, [foreign])
    )
    loop = maker.id(PAGE, b"anything")
    page = Blob(PAGE, pack([[b"loop", 2, 0o755, 0, 0, 0, 0, loop, {}]]), id=loop)
    yield vector("id-cycle", "id", "a folder that holds itself needs an id that lies", maker.box(1, [page]))
