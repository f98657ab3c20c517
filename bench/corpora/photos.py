"""Photos: files that do not compress, behind heads that do. 1.5 GB at scale 1.

Sizes are log-normal, as those of phones are: photos with a median of 3 MB, one film to sixteen photos with
a median of 10 MB. The next generation is what a person does to an album: one photo in twenty is rated,
which puts a few bytes into its head and moves all that follows; one is new, one is gone, and a folder gets
another name.
"""

import os
import random
import struct
from pathlib import Path

from bench.corpora.corpus import Corpus
from bench.seeded import Folder, noise, numbers, prose, scaled, settle, spread

_PHOTOS = 330
_FILM_EVERY = 16
_FOLDERS = 12
_MB = 1_000_000


def write(root: Path, scale: float) -> None:
    dice = numbers("photos")
    for number in range(scaled(_PHOTOS, scale)):
        folder = Folder(root / _folder(number))
        size = spread(dice, 3 * _MB, 0.5, 12 * _MB)
        folder.write(_name(number), photo(dice, f"photo {number}", size), number)
        if number % _FILM_EVERY == 1:
            size = spread(dice, 10 * _MB, 0.9, 80 * _MB)
            folder.write(f"VID_{number:05}.mp4", _film(f"film {number}", size), number)
    settle(root)


def _folder(number: int) -> str:
    return f"DCIM/2024-{number % _FOLDERS + 1:02}"


def _name(number: int) -> str:
    return f"IMG_{number:05}.jpg"


def photo(dice: random.Random, label: str, size: int) -> tuple[bytes, ...]:
    """A head of about 20 KB as cameras write it, and `size` bytes that look like a coded picture."""
    exif = _segment(0xE1, b"Exif\0\0" + _tags(label) + prose(dice, 3000) + bytes(5000))
    thumbnail = _segment(0xE2, noise(f"{label} thumbnail", 8000))
    tables = _segment(0xDB, bytes(range(1, 133))) + _segment(0xC4, noise("tables", 418))
    return (b"\xff\xd8", exif, thumbnail, tables, noise(label, size), b"\xff\xd9")


def _segment(kind: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, kind, len(body) + 2) + body


def _tags(label: str) -> bytes:
    """A directory of two texts, little-endian: the maker of the camera, and the picture's description."""
    maker, about = b"Camera Works\0", label.encode() + b"\0"
    start = 8 + 2 + 2 * 12 + 4
    entries = struct.pack("<HHII", 0x010F, 2, len(maker), start)
    entries += struct.pack("<HHII", 0x010E, 2, len(about), start + len(maker))
    return b"II*\0" + struct.pack("<IH", 8, 2) + entries + bytes(4) + maker + about


def _film(label: str, size: int) -> tuple[bytes, ...]:
    head = struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 512) + struct.pack(">I4s", size + 8, b"mdat")
    return (head, noise(label, size))


def rate(path: Path, comment: bytes) -> None:
    """Put a comment behind the first marker, the way that programs for photos do: a new file in the old
    one's place.
    """
    data = path.read_bytes()
    new = path.with_suffix(".new")
    new.write_bytes(data[:2] + _segment(0xFE, comment) + data[2:])
    new.replace(path)


def change(root: Path) -> None:
    rate(root / _folder(1) / _name(1), b"Rating 5")


def edit(root: Path) -> None:
    names = sorted(path for path in root.rglob("IMG_*.jpg") if int(path.stem[4:]) > 2)
    for number, path in enumerate(names[::20]):
        rate(path, b"Rating %d, seen at home" % (number % 5))
    if len(names) > 1:
        os.unlink(names[1])
    Folder(root / "DCIM/2024-13").write("IMG_90000.jpg", photo(numbers("new"), "new photo", 3 * _MB), 1)
    os.rename(root / _folder(2), root / "DCIM/Holidays")


PHOTOS = Corpus("photos", write, change, edit, one=f"{_folder(0)}/{_name(0)}")
