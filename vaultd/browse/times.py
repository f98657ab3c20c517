"""Times as names of folders and files."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from typing import TypeVar

Item = TypeVar("Item")
_FORM = "%Y-%m-%dT%H-%M-%S"
_NS = 1_000_000_000
# A clock, or a record, may say anything.
_UNKNOWN = b"unknown"


def moment(time_ns: int, offset: int) -> bytes:
    """Local time where the clock was `offset` minutes ahead of UTC; with "-" for ":", which needs no
    quoting and is a name on every system.
    """
    try:
        zone = timezone(timedelta(minutes=offset)) if offset else UTC
        return datetime.fromtimestamp(time_ns // _NS, zone).strftime(_FORM).encode()
    except (ValueError, OverflowError, OSError):
        return _UNKNOWN


def unique(items: Iterable[tuple[bytes, bytes, Item]]) -> dict[bytes, Item]:
    """Items by their names, each a begin and an end; where that is taken, "-2", "-3" and so on between."""
    named: dict[bytes, Item] = {}
    taken: dict[bytes, int] = {}
    for begin, end, item in items:
        name = begin + end
        while name in named:
            taken[begin + end] = number = taken.get(begin + end, 1) + 1
            name = b"%s-%d%s" % (begin, number, end)
        named[name] = item
    return named
