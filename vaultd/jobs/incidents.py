"""Write down an incident, and that its owner has looked at it."""

import contextlib
import os
import time
from collections.abc import Iterable, Mapping, Sequence

from vaultd.errors import NoSuchIncident
from vaultd.format.keeping import GUARD, HoldBody, IncidentBody, UnholdBody
from vaultd.guard.trips import DAY, RULES, Trip, facts_of, rules_of, some_of
from vaultd.jobs.notices import acknowledge_these, write_notice
from vaultd.jobs.session import Session
from vaultd.jobs.sources import my_sources
from vaultd.tree.forgotten import list_holds
from vaultd.tree.incidents import CLOCK, Incident, list_incidents, open_incidents
from vaultd.tree.notices import Notice, list_notices, open_notices
from vaultd.tree.snapshots import Snapshot, list_snapshots, newest
from vaultd.tree.sources import Source

NOTICE = "incident"
# What is found within a week of the last finding is the same incident.
TOGETHER = 7 * DAY
# What has become twice as much is written down at once: of a million files that is done 16 times.
MUCH = 2


def write_trips(
    session: Session,
    source: Source,
    trips: Sequence[Trip],
    *,
    good: bytes | None,
    tripped: bytes | None,
    is_new: bool,
    now: int,
) -> Incident | None:
    """Hold `good` and say why; the incident, where anything was written. One that is open takes further
    findings in: once a day, by another rule, or where they are twice as many. Its owner is told of it again
    at most once a day, or by another rule. `is_new`: what was found happened after
    it.
    """
    opened = _open_one(session, source, trips, now)
    if opened is None:
        identity = _write(session, source, trips, (good, tripped, _hold(session, good, now)), now)
    else:
        news = set(rules_of(trips)) - set(opened.rules)
        is_due = abs(now - opened.last_time) >= DAY
        is_worse = _grew(opened, trips, MUCH) or (is_due and (is_new or _grew(opened, trips)))
        if not news and not is_worse:
            return None
        _write(session, source, trips, (opened.good, tripped, opened.first.hold), now)
        identity = opened.id
    incident = _find(session, identity)
    if opened is None or news or (is_new and is_due):
        _tell(session, source, incident, now)
    return incident


def tell_untold(session: Session, source: Source, now: int) -> bool:
    """Write the notice of an incident that has none, since that was cut short. Whether there was one."""
    mine = [each for each in open_incidents(session.vault.journal) if each.source == source.body.id]
    if not mine:
        return False
    told = {notice.body.facts.get("incident") for notice in list_notices(session.vault.journal)}
    untold = [each for each in mine if number_of(each) not in told]
    for incident in untold:
        _tell(session, source, incident, now)
    return bool(untold)


def number_of(incident: Incident) -> int:
    """By which its notices name it: what people see of its id."""
    return int(incident.short, 16)


def accept(session: Session, incidents: Iterable[Incident]) -> list[Notice]:
    """Its owner has looked at them: the holds of the guard end, and their notices are closed. What stands
    in the source now is what the next snapshots are compared with. Raises what writing to the copy raises.
    """
    now, closed = time.time_ns(), []
    for incident in incidents:
        last = newest(list_snapshots(session.vault.journal), incident.source)
        seen = IncidentBody(
            examples=[],
            facts={"all": 1} if _is_empty(session, incident) else {},
            good=incident.good,
            hold=incident.first.hold,
            rules=[],
            source=incident.source,
            tripped=last.id if last else None,
        )
        # First what was looked at, so that nothing of it is found again once the hold is over.
        if incident.first.hold is not None:
            session.vault.journal.append(seen.WORD, seen.to_map(), now)
        over = UnholdBody(answers=[incident.first.hold or incident.id])
        session.vault.journal.append(over.WORD, over.to_map(), now)
        mine = notices_of(open_notices(session.vault.journal), incident)
        acknowledge_these(session, mine)
        closed += mine
    return closed


def _is_empty(session: Session, incident: Incident) -> bool:
    """Whether its source stands here, with nothing in it."""
    paths = [each.body.path for each in my_sources(session) if each.body.id == incident.source]
    with contextlib.suppress(OSError):
        return any(not os.listdir(path) for path in paths)
    return False


def notices_of(notices: Iterable[Notice], incident: Incident) -> list[Notice]:
    """Those that tell of it."""
    number = number_of(incident)
    return [
        notice
        for notice in notices
        if notice.body.what == NOTICE and notice.body.facts.get("incident") == number
    ]


def find_incident(session: Session, words: str) -> Incident:
    """The one whose id begins so. Raises NoSuchIncident."""
    found = [
        each
        for each in list_incidents(session.vault.journal)
        if words and each.id.hex().startswith(words.lower())
    ]
    if len(found) != 1:
        raise NoSuchIncident(words, len(found))
    return found[0]


def last_good(line: Sequence[Snapshot], found: Sequence[Incident]) -> Snapshot | None:
    """The newest snapshot of a source that none of these incidents concerns; `line` are all its snapshots,
    oldest first.
    """
    places = {snapshot.id: position for position, snapshot in enumerate(line)}
    good = [places[each.good] for each in found if each.good in places]
    return line[min(good)] if good else line[-1] if line else None


def floor_of(incidents: Iterable[Incident], line: Sequence[Snapshot], *, clock: bool = False) -> int:
    """The position of the newest snapshot that one of these showed which is over: what was lost until then
    was looked at. Those about the clock say so of the `clock` alone.
    """
    return max(0, last_shown((each for each in incidents if not each.is_open), line, clock=clock))


def last_shown(incidents: Iterable[Incident], line: Sequence[Snapshot], *, clock: bool = False) -> int:
    """The position of the newest snapshot that shows one of these; -1 where none does."""
    shown = {identity for each in incidents if (CLOCK in each.rules) == clock for identity in each.tripped}
    return max((position for position, each in enumerate(line) if each.id in shown), default=-1)


def _open_one(session: Session, source: Source, trips: Sequence[Trip], now: int) -> Incident | None:
    """The one that these belong to. Those about the clock are by themselves: a time says nothing of them."""
    is_clock = any(trip.rule == CLOCK for trip in trips)
    mine = [each for each in open_incidents(session.vault.journal) if each.source == source.body.id]
    for incident in reversed(mine):
        is_near = is_clock or abs(now - incident.last_time) < TOGETHER
        if (CLOCK in incident.rules) == is_clock and is_near:
            return incident
    return None


def _grew(incident: Incident, trips: Sequence[Trip], times: int = 1) -> bool:
    """Whether more than so many times as much was counted as is known."""
    known: Mapping[str, int] = incident.facts
    return any(value > times * known.get(name, 0) for name, value in facts_of(trips).items())


def _hold(session: Session, good: bytes | None, now: int) -> bytes | None:
    """A hold on this snapshot. One that was left without its incident, when that was cut short, is taken
    up.
    """
    if good is None:
        return None
    taken = {incident.first.hold for incident in list_incidents(session.vault.journal)}
    for hold in list_holds(session.vault.journal):
        if hold.body.by == GUARD and hold.body.snapshots == [good] and hold.id not in taken:
            return hold.id
    body = HoldBody(by=GUARD, pattern="", snapshots=[good], source=None, why=NOTICE)
    return session.vault.journal.append(body.WORD, body.to_map(), now)[0]


def _write(
    session: Session,
    source: Source,
    trips: Sequence[Trip],
    what: tuple[bytes | None, bytes | None, bytes | None],
    now: int,
) -> bytes:
    good, tripped, hold = what
    examples = [path for trip in trips for path in trip.examples]
    body = IncidentBody(
        examples=list(some_of(examples)),
        facts=facts_of(trips),
        good=good,
        hold=hold,
        rules=rules_of(trips),
        source=source.body.id,
        tripped=tripped,
    )
    return session.vault.journal.append(body.WORD, body.to_map(), now)[0]


def _tell(session: Session, source: Source, incident: Incident, now: int) -> None:
    rule = RULES.index(incident.rules[0]) if incident.rules and incident.rules[0] in RULES else len(RULES)
    facts = {**incident.facts, "incident": number_of(incident), "rule": rule}
    write_notice(session, NOTICE, source.body.name, facts, now)


def _find(session: Session, identity: bytes) -> Incident:
    return next(each for each in list_incidents(session.vault.journal) if each.id == identity)
