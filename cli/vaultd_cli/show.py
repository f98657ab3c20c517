"""How names, sizes, times and columns look to a person. No sentences: those are in the catalogue.

Names come from other people's disks, so they are shown so that they can neither steer the terminal
nor look like another name: control characters, line ends, bidirectional overrides and bytes that
are not UTF-8 become `\\xNN` (one byte) or `\\uNNNN` (one character). A backslash is doubled only
where it would otherwise read as one of these. `typed` is the way back.
"""

import os
import re
import time
from collections.abc import Iterable

_KB = 1000  # as file managers count: 1 kB = 1,000 bytes
_UNITS = ("kB", "MB", "GB", "TB", "PB", "EB")
_NS = 1_000_000_000
_STEERING = "\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\udc80-\udcff"
_STEERS = re.compile(f"[{_STEERING}]")
_BACKSLASH = re.compile(rf"\\(?=\\|x[0-9a-f]{{2}}|u[0-9a-f]{{4}}|[{_STEERING}])")
_ESCAPE = re.compile(r"\\(\\|x[0-9a-f]{2}|u[0-9a-f]{4})")


def name(raw: bytes) -> str:
    """A name or path for the eye: printable, unambiguous, and readable again by `typed`."""
    return text(raw.decode("utf-8", "surrogateescape"))


def text(value: str) -> str:
    """Text from elsewhere (a source's name, a reason given by a server), made harmless like a name."""
    if value.isascii() and value.isprintable() and "\\" not in value:
        return value
    return _STEERS.sub(_escaped, _BACKSLASH.sub(r"\\\\", value))


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8, as surrogateescape holds it
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}"


def typed(argument: str) -> tuple[bytes, ...]:
    """The names that a word of the command line may mean: as it stands first, then with escapes undone."""
    literal = os.fsencode(argument)
    meant = _ESCAPE.sub(_unescaped, argument).encode("utf-8", "surrogateescape")
    return (literal,) if meant == literal else (literal, meant)


def _unescaped(match: re.Match[str]) -> str:
    if match[1] == "\\":
        return "\\"
    code = int(match[1][1:], 16)
    if match[1][0] == "x":
        return bytes([code]).decode("utf-8", "surrogateescape")
    return "\ufffd" if 0xD800 <= code <= 0xDFFF else chr(code)  # half a character names nothing


def size(number: int) -> str:
    """Bytes as "999 B", "1.4 GB"; powers of 1,000."""
    if abs(number) < _KB:
        return f"{number} B"
    value, power = number / _KB, 0
    while abs(value) >= _KB - 0.05 and power < len(_UNITS) - 1:
        value, power = value / _KB, power + 1
    return f"{value:.1f} {_UNITS[power]}"


def count(number: int) -> str:
    """1234567 as "1,234,567"."""
    return f"{number:,}"


def moment(nanoseconds: int) -> str:
    """A time since 1970 as "2026-11-20 08:15:00 +08:00", in this computer's zone."""
    try:
        local = time.localtime(nanoseconds // _NS)
    except (OverflowError, ValueError, OSError):
        return f"@{nanoseconds // _NS}"
    minutes = abs(local.tm_gmtoff) // 60
    sign = "-" if local.tm_gmtoff < 0 else "+"
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', local)} {sign}{minutes // 60:02}:{minutes % 60:02}"


def instant(nanoseconds: int) -> str:
    """A time since 1970 for JSON: RFC 3339 in UTC, to the nanosecond."""
    try:
        whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(nanoseconds // _NS))
    except (OverflowError, ValueError, OSError):
        return f"@{nanoseconds}"
    return f"{whole}.{nanoseconds % _NS:09}Z"


def span(seconds: float) -> str:
    """A length of time as "0:07", "12:34" or "3:02:01"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def width(shown: str) -> int:
    """How many columns of a terminal `shown` takes; Chinese characters take two, combining marks none."""
    if shown.isascii():
        return len(shown)
    return sum(map(_columns, shown))


def _columns(character: str) -> int:
    import unicodedata

    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def pad(shown: str, columns: int, *, right: bool = False) -> str:
    """`shown` with spaces up to `columns`; never cut."""
    spaces = " " * (columns - width(shown))
    return spaces + shown if right else shown + spaces


def cut(shown: str, columns: int) -> str:
    """The beginning of `shown` that fits in `columns`."""
    taken = 0
    for place, character in enumerate(shown):
        taken += _columns(character)
        if taken > columns:
            return shown[:place]
    return shown


def wrap(paragraph: str, columns: int) -> list[str]:
    """Lines of at most `columns`, broken at spaces and between wide characters, never inside a word."""
    lines = [""]
    for word in _words(paragraph):
        if lines[-1] and width(lines[-1] + word.rstrip()) > columns:
            lines[-1] = lines[-1].rstrip()
            lines.append("")
        lines[-1] += word
    lines[-1] = lines[-1].rstrip()
    return lines


def _words(paragraph: str) -> Iterable[str]:
    """Pieces that must not be torn: a word with its space; a wide character with the punctuation after it."""
    closing = "，。、；：！？）」”》"
    wide = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\u3000-\u303f"
    return re.findall(rf"[（「“《]*[{wide}][{closing}]* ?|[^\s{wide}]+[{closing}]*\s*|\s+", paragraph)
