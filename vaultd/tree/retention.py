"""The rules by which the snapshots of a source are thinned, and what they come to.

A rule takes intermediate states only. What was last at every path is in the newest snapshot or in its attic,
so whatever a rule does, the last version of every file stays. No rule knows when somebody last looked.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from vaultd.errors import BadUsage
from vaultd.tree.snapshots import Snapshot, heads

DAY_NS = 86_400 * 10**9
# For so long what was forgotten can be brought back for certain.
UNDO_NS = 30 * DAY_NS
EVERY = -1
"""As many as there are."""

# Why a snapshot stays, where no rule asks for it.
HELD, NEWEST, NEEDED = "held", "newest", "needed"
# More than a fifth of a source at once is a mistake, a clock, or somebody else's hand; of a few it is not.
MOST_AT_ONCE, FEW = 5, 5


@dataclass(frozen=True, slots=True)
class Rules:
    """In restic's words: the `last` so many snapshots, the last one of each of so many hours, days and so on
    in which there is one, all of `within` (ns) before the newest, and all with one of these `tags`.
    """

    last: int = 0
    hourly: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    yearly: int = 0
    within: int = 0
    tags: tuple[str, ...] = ()

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> "Rules":
        """As the record of a source has them; the usual ones where it says nothing. Words that this version
        does not know keep all: raises BadUsage.
        """
        if not said:
            return USUAL
        if unknown := said.keys() - {each.name for each in fields(cls)}:
            raise BadUsage("keep-unknown", ", ".join(sorted(unknown)))
        try:
            numbers = {word: int(value) for word, value in said.items() if word != "tags"}
            return cls(**numbers, tags=tuple(map(str, said.get("tags", ()))))
        except (TypeError, ValueError):
            raise BadUsage("keep-unknown", ", ".join(sorted(said))) from None

    def to_map(self) -> dict[str, Any]:
        said = {each.name: getattr(self, each.name) for each in fields(self)}
        return {word: list(value) if word == "tags" else value for word, value in said.items() if value}

    @property
    def say_nothing(self) -> bool:
        """Whether they would keep no more than what always stays."""
        return not self.to_map()


# Everything for 30 days, then one a day for a year, then one a week for ever.
USUAL = Rules(within=30 * DAY_NS, daily=365, weekly=EVERY)

_Bucket = Callable[[datetime], object]
_BUCKETS: dict[str, _Bucket] = {
    "hourly": lambda at: (at.date(), at.hour),
    "daily": datetime.date,
    "weekly": lambda at: at.isocalendar()[:2],
    "monthly": lambda at: (at.year, at.month),
    "yearly": lambda at: at.year,
}


@dataclass(frozen=True, slots=True)
class Thinned:
    """What the rules come to: `kept` with why, and `gone`, both oldest first."""

    kept: dict[bytes, tuple[str, ...]]
    gone: tuple[Snapshot, ...]

    @property
    def is_too_much(self) -> bool:
        """Whether its owner has to look first."""
        gone = len(self.gone)
        return gone > FEW and gone * MOST_AT_ONCE > gone + len(self.kept)


def thin(line: Sequence[Snapshot], rules: Rules, held: Collection[bytes]) -> Thinned:
    """Of the snapshots of one source, each after all that it goes on from, which stay by these rules.

    Besides those that are `held`, every head stays, the newest complete one, and each that has no complete
    one after it among those that stay. Time is what the snapshots say, but never runs backwards along the
    line.
    """
    why: dict[bytes, list[str]] = {each.id: [] for each in line}
    times = _times(line)
    _by_rules(line, times, rules, why)
    for each in line:
        if each.id in held:
            why[each.id].append(HELD)
    last = _newest_complete(line)
    for each in heads(line, line[0].body.source) if line else ():
        why[each.id].append(NEWEST)
    if last is not None:
        why[last.id].append(NEWEST)
    _with_a_complete_one_after(line, why)
    kept = {identity: tuple(dict.fromkeys(words)) for identity, words in why.items() if words}
    return Thinned(kept, tuple(each for each in line if each.id not in kept))


def _times(line: Sequence[Snapshot]) -> list[datetime]:
    """Local time of each, where it was made; a clock that was set back counts as standing still."""
    found, latest = [], 0
    for each in line:
        latest = max(latest, each.body.started)
        zone = timezone(timedelta(minutes=max(-1439, min(each.body.offset, 1439))))
        found.append(datetime.fromtimestamp(min(latest // 10**9, _LAST_SECOND), zone))
    return found


_LAST_SECOND = int(datetime(9999, 1, 1, tzinfo=UTC).timestamp())


def _by_rules(
    line: Sequence[Snapshot], times: Sequence[datetime], rules: Rules, why: dict[bytes, list[str]]
) -> None:
    newest_first = list(zip(reversed(line), reversed(times), strict=True))
    for number, (each, at) in enumerate(newest_first):
        if number < rules.last or rules.last == EVERY:
            why[each.id].append("last")
        if rules.within and (newest_first[0][1] - at) / timedelta(microseconds=1) * 1000 <= rules.within:
            why[each.id].append("within")
        if set(rules.tags) & set(each.body.tags):
            why[each.id].append("tags")
    for word, bucket in _BUCKETS.items():
        left, seen = getattr(rules, word), set()
        for each, at in newest_first:
            if left != 0 and bucket(at) not in seen:
                seen.add(bucket(at))
                left -= 1 if left != EVERY else 0
                why[each.id].append(word)


def _newest_complete(line: Sequence[Snapshot]) -> Snapshot | None:
    return next((each for each in reversed(line) if each.body.complete), None)


def _with_a_complete_one_after(line: Sequence[Snapshot], why: dict[bytes, list[str]]) -> None:
    """What goes away lives on in the attic of a complete one after it, so there must be one that stays."""
    covered: set[bytes] = set()
    for each in reversed(line):
        if each.id not in covered and not why[each.id]:
            why[each.id].append(NEEDED)
        if each.id in covered or (each.body.complete and why[each.id]):
            covered.update(each.parents)
