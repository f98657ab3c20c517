"""What kind of file it is, by its first bytes."""

import codecs

# Enough for every magic below.
HEAD = 64

JPEG, PNG, GIF, TIFF, RIFF, BOXES = "jpeg", "png", "gif", "tiff", "riff", "boxes"
ZIP, PDF, SQLITE, TEXT = "zip", "pdf", "sqlite", "text"
# Fewer bytes may be text by chance: of 16 bytes of noise one in 2,000 is.
_LEAST_TEXT = 16
_MAGICS = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    *((magic, GIF) for magic in (b"GIF87a", b"GIF89a")),
    # Also the raw pictures of most cameras.
    *((magic, TIFF) for magic in (b"II*\0", b"MM\0*", b"IIRO", b"IIU\0")),
    *((magic, ZIP) for magic in (b"PK\x03\x04", b"PK\x05\x06")),
    (b"%PDF-", PDF),
    (b"SQLite format 3\0", SQLITE),
    (b"OggS", "ogg"),
    (b"fLaC", "flac"),
    (b"ID3", "mp3"),
    (b"\x1aE\xdf\xa3", "matroska"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"\x1f\x8b\x08", "gzip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "office"),
    (b"FUJIFILMCCD-RAW", "raf"),
    (b"8BPS\0\x01", "photoshop"),
    (b"\xff\x0a", "jxl"),
    (b"\0\0\0\x0cJXL ", "jxl"),
)
_RIFF = (b"WEBP", b"AVI ", b"WAVE")
_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free")
_MEDIA = frozenset(
    b"jpg jpeg jpe heic heif avif png gif webp tif tiff dng cr2 cr3 nef arw raf orf rw2"
    b" mp4 mov m4v avi mkv webm 3gp mts m2ts mpg".split()
)


def kind_of(head: bytes) -> str | None:
    """What these first bytes say; None where they say nothing."""
    if head[:4] == b"RIFF" and head[8:12] in _RIFF:
        return RIFF
    if head[4:8] in _BOXES:
        return BOXES
    known = next((kind for magic, kind in _MAGICS if head.startswith(magic)), None)
    return known or (TEXT if _is_text(head) else None)


def _is_text(head: bytes) -> bool:
    if len(head) < _LEAST_TEXT or any(byte < 9 or 13 < byte < 27 for byte in head):
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def ending_of(path: bytes) -> bytes:
    """What stands behind the last dot of a name, in small letters; b"" where it has none."""
    name = path.rpartition(b"/")[2]
    stem, _, ending = name.rpartition(b".")
    return ending.lower() if stem else b""


def is_media(path: bytes) -> bool:
    """Whether this is a picture or a video, by its name."""
    return ending_of(path) in _MEDIA
