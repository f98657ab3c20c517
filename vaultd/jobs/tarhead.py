"""Headers of tar files: POSIX ustar, and pax records for what does not fit into it."""

_BLOCK = 512
_RECORD = 10_240  # tar reads so much at once, and some complain where the end does not fit
_LONGEST_NAME = 100
_LONGEST_OWNER = 32
_LAST_SECOND = 8**11 - 1
_NS = 10**9

Pax = list[tuple[bytes, bytes]]


def padding(length: int) -> bytes:
    """What comes after so many bytes of a member."""
    return bytes(-length % _BLOCK)


def ending(length: int) -> bytes:
    """What comes after the last member of a tar of so many bytes."""
    return bytes(2 * _BLOCK + -(length + 2 * _BLOCK) % _RECORD)


def decimal(ns: int) -> bytes:
    """A time in seconds with all its digits, as pax records have it."""
    seconds, rest = divmod(abs(ns), _NS)
    sign = b"-" if ns < 0 else b""
    return b"%b%d.%09d" % (sign, seconds, rest) if rest else b"%b%d" % (sign, seconds)


def nanoseconds(text: str) -> int:
    """The time that `decimal` spelled. Raises ValueError."""
    whole, _, rest = text.lstrip("-").partition(".")
    ns = int(whole) * _NS + int(rest.ljust(9, "0")[:9] or 0)
    return -ns if text.startswith("-") else ns


def header(
    kind: bytes,
    name: bytes,
    pax: Pax,
    *,
    mode: int,
    owner: tuple[int, int],
    names: tuple[bytes, bytes] = (b"", b""),
    size: int = 0,
    mtime: int = 0,
    link: bytes = b"",
    device: tuple[int, int] = (0, 0),
) -> bytes:
    """All that stands before the bytes of a member. `pax` is what has no place of its own in a header, and
    takes up what does not fit into its place.
    """
    # First, since a name among `pax` is the right one where it is there.
    pax = [*_too_long(b"path", name, _LONGEST_NAME), *_too_long(b"linkpath", link, _LONGEST_NAME), *pax]
    for key, value in zip((b"uname", b"gname"), names, strict=True):
        pax += _too_long(key, value, _LONGEST_OWNER)
    seconds = mtime // _NS
    if mtime % _NS or not 0 <= seconds <= _LAST_SECOND:
        pax.append((b"mtime", decimal(mtime)))
    seconds = min(max(seconds, 0), _LAST_SECOND)
    block = _ustar(kind, name, mode, owner, size, seconds, link, names, device)
    return _extended(name, pax) + block if pax else block


def _too_long(key: bytes, value: bytes, longest: int) -> Pax:
    return [] if len(value) <= longest and value.isascii() else [(key, value)]


def _extended(name: bytes, pax: Pax) -> bytes:
    records = b"".join(_record(key, value) for key, value in pax)
    short = b"PaxHeaders/" + name.rstrip(b"/").rpartition(b"/")[2][:60]
    block = _ustar(b"x", short, 0o644, (0, 0), len(records), 0, b"", (b"", b""), (0, 0))
    return block + records + padding(len(records))


def _record(key: bytes, value: bytes) -> bytes:
    """Its own length stands before it, and is counted."""
    rest = len(key) + len(value) + 3  # a space, "=" and a newline
    length = rest + len(str(rest))
    if len(str(length)) > len(str(rest)):
        length += 1
    return b"%d %b=%b\n" % (length, key, value)


def _ustar(
    kind: bytes,
    name: bytes,
    mode: int,
    owner: tuple[int, int],
    size: int,
    seconds: int,
    link: bytes,
    names: tuple[bytes, bytes],
    device: tuple[int, int],
) -> bytes:
    before = b"".join(
        (
            name[:_LONGEST_NAME].ljust(_LONGEST_NAME, b"\0"),
            *(_number(value, 8) for value in (mode, *owner)),
            _number(size, 12),
            _number(seconds, 12),
        )
    )
    after = b"".join(
        (
            kind,
            link[:_LONGEST_NAME].ljust(_LONGEST_NAME, b"\0"),
            b"ustar\x0000",
            *(value[:_LONGEST_OWNER].ljust(_LONGEST_OWNER, b"\0") for value in names),
            *(_number(value, 8) for value in device),
            bytes(155 + 12),
        )
    )
    total = sum(before) + sum(after) + 8 * 32  # the sum counts its own place as spaces
    return before + b"%06o\0 " % total + after


def _number(value: int, width: int) -> bytes:
    """Octal digits; what needs more than fit, in binary, as all tars have it that know large files."""
    if 0 <= value < 8 ** (width - 1):
        return b"%0*o\0" % (width - 1, value)
    return bytes([0x80 if value >= 0 else 0xFF]) + value.to_bytes(width - 1, "big", signed=value < 0)
