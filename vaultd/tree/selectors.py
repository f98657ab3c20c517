"""The words by which a person names a snapshot: an id, a source, a day."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from vaultd.errors import Ambiguous, NoIncident, NoSuchSnapshot
from vaultd.tree.incidents import Incident
from vaultd.tree.snapshots import Snapshot, in_order

LATEST = "latest"
BEFORE_INCIDENT = "before-incident"
_ID = re.compile(r"[0-9a-fA-F]{4,64}")
# The time may be written with ":" or "-": "-" needs no quoting, and is how folders of the mount are named.
_DAY = r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}[:-]\d{2}(?:[:-]\d{2})?)?"
_WORDS = re.compile(
    rf"(?P<name>[^:@~/]+)(?:@(?P<day>{_DAY}|{BEFORE_INCIDENT})|~(?P<back>\d{{1,9}}))?(?::(?P<path>.*))?",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Selector:
    """SNAPSHOT[:PATH] taken apart: `name` a source, an id or "latest"; `day` (or "before-incident") or `back`
    where given; `path` None: all.
    """

    name: str
    day: str | None
    back: int
    path: str | None


def parse_selector(words: str) -> Selector:
    """Raises NoSuchSnapshot for words that cannot name one."""
    match = _WORDS.fullmatch(words)
    if match is None:
        raise NoSuchSnapshot(words)
    name = unicodedata.normalize("NFC", match["name"])
    return Selector(name, match["day"], int(match["back"] or 0), match["path"])


def select(snapshots: Sequence[Snapshot], words: str, incidents: Sequence[Incident] = ()) -> Snapshot:
    """The snapshot that `words` (without a path) name.

    A source's name beats an id. A day means its end, in local time: the newest snapshot begun until then.
    Before an incident means the newest one that is open, else the newest at all. Raises NoSuchSnapshot,
    Ambiguous, NoIncident.
    """
    selector = parse_selector(words)
    if selector.day == BEFORE_INCIDENT:
        return _before(snapshots, selector.name, incidents)
    line = [s for s in in_order(snapshots) if selector.name == LATEST or s.body.name == selector.name]
    if not line and selector.name != LATEST:
        return _by_id(snapshots, selector, words)
    if selector.day is not None:
        end = _end_of(selector.day, words)
        line = [snapshot for snapshot in line if snapshot.body.started < end]
    if selector.back >= len(line):
        raise NoSuchSnapshot(words)
    return line[-1 - selector.back]


def _before(snapshots: Sequence[Snapshot], name: str, incidents: Sequence[Incident]) -> Snapshot:
    sources = {snapshot.body.source for snapshot in snapshots if snapshot.body.name == name}
    mine = [each for each in incidents if each.source in sources and each.good is not None]
    if not mine:
        raise NoIncident(name) if sources else NoSuchSnapshot(name)
    good = max(mine, key=lambda each: (each.is_open, each.time)).good
    found = next((snapshot for snapshot in snapshots if snapshot.id == good), None)
    if found is None:
        raise NoSuchSnapshot(f"{name}@{BEFORE_INCIDENT}")
    return found


def _by_id(snapshots: Sequence[Snapshot], selector: Selector, words: str) -> Snapshot:
    if selector.day is not None or selector.back or not _ID.fullmatch(selector.name):
        raise NoSuchSnapshot(words)
    found = [snapshot for snapshot in snapshots if snapshot.id.hex().startswith(selector.name.lower())]
    if not found:
        raise NoSuchSnapshot(words)
    if len(found) > 1:
        raise Ambiguous(words, tuple(snapshot.id.hex()[:16] for snapshot in found))
    return found[0]


def _end_of(day: str, words: str) -> int:
    """The first instant, in ns, after the day, minute or second that was named."""
    digits = re.sub(r"\D", "", day)
    form, step = {
        8: ("%Y%m%d", timedelta(days=1)),
        12: ("%Y%m%d%H%M", timedelta(minutes=1)),
        14: ("%Y%m%d%H%M%S", timedelta(seconds=1)),
    }[len(digits)]
    try:
        end = datetime.strptime(digits, form) + step  # noqa: DTZ007 - local time is what the owner means
        return int(end.timestamp()) * 1_000_000_000
    except (ValueError, OverflowError):
        raise NoSuchSnapshot(words) from None
