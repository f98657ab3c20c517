"""Take a snapshot, and have the guard look at it. The guard writes records: it deletes nothing, keeps
nothing from being saved, and when it fails the snapshot stands all the same.
"""

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from vaultd.errors import SourceEmpty, SourceUnmounted, VaultdError
from vaultd.guard.clock import dated_ahead, jumped
from vaultd.guard.deletion import is_enough
from vaultd.guard.timeline import QUIET
from vaultd.guard.trips import DELETED, EMPTIED, Trip
from vaultd.jobs.guardclock import memory_of, moment_now
from vaultd.jobs.guardmemory import GuardMemory, Remembered
from vaultd.jobs.incidents import floor_of, last_shown, tell_untold, write_trips
from vaultd.jobs.looking import MONTHLY, Look
from vaultd.jobs.notices import write_notice
from vaultd.jobs.session import Session
from vaultd.jobs.snapshot import Taken, take_snapshot
from vaultd.progress import Progress
from vaultd.tree.dirty import EVERYTHING, Dirty
from vaultd.tree.incidents import Incident, list_incidents
from vaultd.tree.notices import open_notices
from vaultd.tree.snapshots import Snapshot, in_order, list_snapshots
from vaultd.tree.sources import Source

# A store of messages has a new key, and lost nothing.
REKEYED = "chat-rekeyed"


@dataclass(frozen=True, slots=True)
class Guarded:
    """What came of the guard's look: the `incident` that it wrote down or added to; `told` where it wrote any
    notice; the `error` that kept it from looking, or how many places of the earlier trees were `unread`.
    """

    incident: Incident | None = None
    told: bool = False
    error: VaultdError | OSError | None = None
    unread: int = 0


def guarded_snapshot(
    session: Session,
    source: Source,
    progress: Progress,
    stop: Callable[[], bool],
    *,
    force: bool = False,
    dirty: Dirty = EVERYTHING,
    unless_same: bool = False,
    tags: Sequence[str] = (),
) -> tuple[Taken, Guarded]:
    """`take_snapshot`, and then the guard's look at it. A source that is suddenly empty is looked at as
    well, before SourceEmpty is raised. Raises SourceUnmounted too, unless `force`.
    """
    if not force:
        _refuse_unmounted(session, source)
    try:
        taken = take_snapshot(
            session, source, progress, stop, force=force, dirty=dirty, unless_same=unless_same, tags=tags
        )
    except SourceEmpty:
        look_at_empty(session, source)
        raise
    return taken, look_at_newest(session, source)


def look_at_newest(session: Session, source: Source) -> Guarded:
    """Judge the newest snapshot of a source, unless that was done. Raises nothing but KeyboardInterrupt:
    what was wrong is in the answer, and looked at again after the next snapshot.
    """
    return _surely(lambda: _looked(session, source))


def look_at_empty(session: Session, source: Source) -> Guarded:
    """A source that held files holds none now. Where its folder is the very one that was there before, it was
    emptied; another one means that its disk is not mounted, and that says nothing.
    """
    return _surely(lambda: _looked_at_empty(session, source))


def _refuse_unmounted(session: Session, source: Source) -> None:
    """What lies under a mount point is not what the disk holds, and nothing is gone. Raises
    SourceUnmounted.
    """
    known = memory_of(session).of(source.body.id)
    path = source.body.path
    if known.mounted == path.hex() and os.path.isdir(path) and not _is_mounted(source):
        raise SourceUnmounted(source.body.name, path)


def _surely(look: Callable[[], Guarded]) -> Guarded:
    try:
        return look()
    except (VaultdError, OSError) as error:
        return Guarded(error=error)


def _looked(session: Session, source: Source) -> Guarded:
    line, memory = _line(session, source), memory_of(session)
    known = memory.of(source.body.id)
    if not line or known.judged == line[-1].id.hex():
        return Guarded()
    now = time.time_ns()
    clock = _look_at_clock(session, source, memory, line)
    guarded = _judged(session, source, line, known, now)
    told = tell_untold(session, source, now) or guarded.told or clock is not None
    known.judged, known.root = line[-1].id.hex(), _root(source)
    known.mounted = source.body.path.hex() if _is_mounted(source) else ""
    memory.write()
    return replace(guarded, incident=guarded.incident or clock, told=told)


def _judged(session: Session, source: Source, line: list[Snapshot], known: Remembered, now: int) -> Guarded:
    incidents = [each for each in list_incidents(session.vault.journal) if each.source == source.body.id]
    floor = floor_of(incidents, line)
    was_accepted = floor == len(line) - 2 and not line[-1].body.counts.get("files")
    if floor >= len(line) - 1 or (was_accepted and _is_known(session, line[-2])):
        return Guarded()
    places = {each.id.hex(): position for position, each in enumerate(line)}
    started = line[-1].body.started
    month = known.month is None or abs(started - known.month) >= MONTHLY
    last = last_shown(incidents, line)
    if last > floor and abs(started - line[last].body.started) > QUIET:
        floor = last  # what is lost from now on is another loss
    look = Look(session.blobs or session.vault, source, line, floor, max(0, last))
    trips = look.trips(places.get(known.judged), month=month)
    if look.month_was_asked:
        known.month = started
    incident = None
    if trips:
        good = line[look.good(trips)]
        incident = write_trips(
            session, source, trips, good=good.id, tripped=line[-1].id, is_new=look.day >= last, now=now
        )
    told = _tell_rekeyed(session, source, look.rekeyed, now)
    return Guarded(incident, told or incident is not None, unread=look.unread)


def _look_at_clock(
    session: Session, source: Source, memory: GuardMemory, line: list[Snapshot]
) -> Incident | None:
    moment = moment_now()
    trip = jumped(memory.moment, moment) if memory.moment is not None else None
    memory.looked(moment)
    incidents = [each for each in list_incidents(session.vault.journal) if each.source == source.body.id]
    floor = floor_of(incidents, line, clock=True)
    ahead = max((each.body.started for each in line[floor + 1 :]), default=0)
    trip = trip or dated_ahead(ahead, moment.wall)
    if trip is None:
        return None
    good, tripped = line[-2:][0].id, line[-1].id
    return write_trips(session, source, [trip], good=good, tripped=tripped, is_new=False, now=moment.wall)


def _looked_at_empty(session: Session, source: Source) -> Guarded:
    line, memory = _line(session, source), memory_of(session)
    known = memory.of(source.body.id)
    if not line or known.root is None or known.root != _root(source):
        return Guarded()
    good, counts = line[-1], line[-1].body.counts
    files, size = counts.get("files", 0), counts.get("bytes", 0)
    if not is_enough(files, size, files, size) or _is_known(session, good):
        return Guarded()
    facts = {"files": files, "bytes": size, "of": files, "of_bytes": size, "all": 1}
    trips = [Trip(DELETED, facts), Trip(EMPTIED, {"folders": 1, "folder_files": files})]
    incident = write_trips(
        session, source, trips, good=good.id, tripped=None, is_new=True, now=time.time_ns()
    )
    return Guarded(incident, incident is not None)


def _is_known(session: Session, good: Snapshot) -> bool:
    """Whether it stands written that everything was gone after this snapshot, and nobody has put it back
    since.
    """
    return any(
        body.facts.get("all") and (body.good if incident.is_open else body.tripped) == good.id
        for incident in list_incidents(session.vault.journal)
        for _, body in incident.updates
    )


def _tell_rekeyed(session: Session, source: Source, paths: list[bytes], now: int) -> bool:
    if not paths:
        return False
    known = {(notice.body.what, notice.body.about) for notice in open_notices(session.vault.journal)}
    if (REKEYED, source.body.name) in known:
        return False
    write_notice(session, REKEYED, source.body.name, {"files": len(paths)}, now)
    return True


def _line(session: Session, source: Source) -> list[Snapshot]:
    mine = [each for each in list_snapshots(session.vault.journal) if each.body.source == source.body.id]
    return in_order(mine)


def _root(source: Source) -> tuple[int, int] | None:
    with contextlib.suppress(OSError):
        found = os.stat(source.body.path)
        return found.st_dev, found.st_ino
    return None


def _is_mounted(source: Source) -> bool:
    """Whether its folder is on another file system than the one that it stands in."""
    with contextlib.suppress(OSError):
        path = os.path.realpath(source.body.path)
        return os.stat(path).st_dev != os.stat(os.path.dirname(path)).st_dev
    return False
