"""Whether a file is what it says, by pieces of it; and whatever the bytes are, an answer."""

import io
import random
import zipfile
from pathlib import Path

import pytest

from tests.guarded import BLOCK, heic, make_database, picture, png, sealed
from vaultd.guard.kinds import HEAD, SQLITE, TEXT, ending_of, is_media, kind_of
from vaultd.guard.structure import is_sound, looks_random


def document(seed: int) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(12):
            words = random.Random(seed + number).choices(("photo", "letter", "家", "chat"), k=4_000)
            archive.writestr(f"word/part{number}.xml", " ".join(words))
        archive.writestr("media/1.jpg", picture(seed))
    return made.getvalue()


@pytest.fixture
def database(tmp_path: Path) -> bytes:
    make_database(tmp_path / "a.db", 3_000)
    return (tmp_path / "a.db").read_bytes()


def webp(seed: int) -> bytes:
    return b"RIFF" + (30_000 - 8).to_bytes(4, "little") + b"WEBPVP8 " + sealed(seed, 30_000 - 16)


def sound(data: bytes) -> bool:
    kind = kind_of(data[:HEAD])
    return kind is not None and is_sound(kind, len(data), lambda at, length: data[at : at + length])


def with_noise(data: bytes, first: int, every: int) -> bytes:
    changed = bytearray(data)
    for at in range(first * BLOCK, len(data) - BLOCK, every * BLOCK):
        changed[at : at + BLOCK] = sealed(at, BLOCK)
    return bytes(changed)


HEALTHY = [picture(1), picture(2, 900_000), png(3), png(4, 2_500_000), heic(5), webp(6), document(7)]
HEALTHY += [b"%PDF-1.7\n" + bytes(5_000) + b"startxref\n1\n%%EOF\n"]


@pytest.mark.parametrize("data", HEALTHY, ids=range(len(HEALTHY)))
def test_what_is_healthy_is_sound(data: bytes) -> None:
    assert sound(data)


@pytest.mark.parametrize("data", [picture(1), picture(2, 900_000), png(3, 60_000), document(7)], ids=range(4))
def test_every_sixteenth_block_is_seen(data: bytes) -> None:
    assert not sound(with_noise(data, 2, 16))


def test_pages_of_a_database(database: bytes) -> None:
    assert (kind_of(database[:HEAD]), sound(database)) == (SQLITE, True)
    assert not sound(with_noise(database, 8, 16))
    assert not sound(database[: len(database) - 4096])


@pytest.mark.parametrize("data", [heic(5), document(7), HEALTHY[-1]], ids=range(3))
def test_what_is_cut_off_is_not_sound(data: bytes) -> None:
    assert not sound(data[: len(data) // 2])


def test_a_film_behind_a_picture_is_no_fault_of_the_picture() -> None:
    assert sound(picture(1) + heic(2))


def test_any_bytes_get_an_answer() -> None:
    rng = random.Random(11)
    for data in (*HEALTHY, b"SQLite format 3\0" + bytes(2_000)):
        for _ in range(150):
            cut = bytearray(data[: rng.randrange(len(data))])
            for _ in range(rng.randrange(6)):
                at = rng.randrange(max(1, len(cut)))
                cut[at : at + 4] = rng.randbytes(4)
            sound(bytes(cut))


def test_kinds_by_the_first_bytes() -> None:
    assert kind_of(sealed(1, 64)) is None
    assert kind_of(b"") is None
    assert kind_of("一封很长的信，写给家里的人".encode()) == TEXT
    assert kind_of(b"\0" * 64) is None
    assert (ending_of(b"a/b.JPG"), ending_of(b"a.b/c"), ending_of(b".hidden")) == (b"jpg", b"", b"")
    assert (is_media(b"x.HEIC"), is_media(b"x.txt")) == (True, False)


def test_noise_looks_random_and_so_does_heic_but_no_jpeg() -> None:
    assert looks_random(sealed(1, 65_536))
    assert looks_random(heic(1, 80_000)[1000:66_536])
    assert not looks_random(picture(1, 80_000)[1000:66_536])
    assert not looks_random(b"short")
