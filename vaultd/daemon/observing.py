"""What the owner has to know of what happens: all is passed on as it is, and some of it is noticed."""

from collections.abc import Iterable
from typing import Protocol

from vaultd.daemon import chores, report
from vaultd.daemon.noticed import Noticed
from vaultd.daemon.tended import Tended
from vaultd.errors import (
    FromTheFuture,
    NotSure,
    SourceEmpty,
    SourceGone,
    SourceUnreadable,
    TooMuchAtOnce,
    Unreachable,
    VaultdError,
)
from vaultd.jobs.check import Report
from vaultd.jobs.drill import Drill
from vaultd.jobs.forget import Plan
from vaultd.jobs.guarding import Guarded
from vaultd.jobs.protect import Reached
from vaultd.jobs.prune import Pruned
from vaultd.jobs.reread import Reread
from vaultd.jobs.snapshot import Taken
from vaultd.jobs.status import CopyStatus
from vaultd.jobs.thin import Stopped
from vaultd.settings import Place
from vaultd.tree.sources import Source

# A twentieth, or what a busy week brings: less of it free is nearly full.
_FREE_PART, _FREE_BYTES = 20, 10 << 30
# So many files get a notice each.
_NAMED = 5
# What all sources together are.
_ALL = ""


class Told(report.Report, chores.Told, Protocol):
    """Who is told all of it."""


class Observing:
    """Stands between the daemon and `told`, who is told everything."""

    def __init__(self, noticed: Noticed, told: Told) -> None:
        self._noticed, self._told = noticed, told
        self._overflows: dict[bytes, int] = {}

    def watching(self, tended: Tended) -> None:
        known = self._overflows.get(tended.source.body.id, 0)
        if tended.overflows > known:
            self._overflows[tended.source.body.id] = tended.overflows
            self._noticed.happened("overflow", tended.source.body.name, {})
        self._told.watching(tended)

    def gone(self, source: Source) -> None:
        for what in ("source-gone", "source-unreadable", "unprotected", "guard-failed"):
            self._noticed.ends(what, source.body.name)
        self._told.gone(source)

    def read(self, source: Source, taken: Taken) -> None:
        name = source.body.name
        for what in ("source-gone", "unprotected"):
            self._noticed.ends(what, name)
        self._so("source-unreadable", name, {"files": taken.trouble_count}, taken.trouble_count > 0)
        self._told.read(source, taken)

    def saved(self, taken: Taken, reached: Reached) -> None:
        self._reached(reached)
        self._told.saved(taken, reached)

    def guarded(self, source: Source, guarded: Guarded) -> None:
        if guarded.error is not None or guarded.unread:
            self._noticed.holds("guard-failed", source.body.name, {})
        else:
            self._noticed.ends("guard-failed", source.body.name)
        self._told.guarded(source, guarded)

    def untold(self, source: Source, paths: int) -> None:
        self._noticed.happened("untold", source.body.name, {"paths": paths})
        self._told.untold(source, paths)

    def caught_up(self, reached: Reached) -> None:
        self._reached(reached)
        self._told.caught_up(reached)

    def failed(self, error: VaultdError | OSError, source: Source | None = None) -> None:
        if source is not None:
            is_gone = isinstance(error, SourceGone | SourceEmpty | SourceUnreadable)
            self._noticed.holds("source-gone" if is_gone else "unprotected", source.body.name, {})
        self._told.failed(error, source)

    def states(self, tended: list[Tended]) -> None:
        self._told.states(tended)

    def scrubbed(self, place: Place, found: Report | VaultdError) -> None:
        if isinstance(found, Report) and (found.damage or found.lost_count or found.healed):
            facts = {"files": len(found.damage) + len(found.healed), "healed": len(found.healed)}
            self._noticed.happened("damage", place.label, {**facts, "lost": found.lost_count})
        self._told.scrubbed(place, found)

    def drilled(self, place: Place, found: Drill | VaultdError) -> None:
        if isinstance(found, Drill) and found.tried and not found.passed:
            facts = {"files": found.files, "wrong": len(found.wrong), "damage": len(found.damage)}
            self._noticed.happened("drill", place.label, facts)
        self._told.drilled(place, found)

    def reread(self, source: Source, found: Reread | VaultdError) -> None:
        if isinstance(found, Reread):
            name = source.body.name
            for path in found.rotten[:_NAMED]:
                shown = path.decode("utf-8", "backslashreplace")
                self._noticed.happened("rot", f"{name}:{shown}", {"files": 1})
            if more := len(found.rotten[_NAMED:]):
                self._noticed.happened("rot", name, {"files": more})
        self._told.reread(source, found)

    def thinned(self, source: Source, found: Plan | Stopped) -> None:
        name = source.body.name
        stopped = found if isinstance(found, TooMuchAtOnce) else None
        is_early = isinstance(found, FromTheFuture)
        self._so("thinning", name, {"gone": stopped.gone, "of": stopped.of} if stopped else {}, bool(stopped))
        self._so("clock", name, {}, is_early)
        self._told.thinned(source, found)

    def pruned(self, found: Pruned | NotSure) -> None:
        self._told.pruned(found)

    def _so(self, what: str, about: str, facts: dict[str, int], is_so: bool) -> None:
        if is_so:
            self._noticed.holds(what, about, facts)
        else:
            self._noticed.ends(what, about)

    def looked(self, copies: Iterable[CopyStatus]) -> None:
        """Once a day, at every copy."""
        copies = list(copies)
        for copy in copies:
            self._away(copy.place, copy.error)
            if copy.space is None:
                continue
            is_full = copy.space.free < min(_FREE_BYTES, copy.space.total // _FREE_PART)
            self._so("copy-full", copy.place.label, {"free": copy.space.free}, is_full)
        self._told.looked(copies)

    def not_done(self, error: VaultdError) -> None:
        self._told.not_done(error)

    def _reached(self, reached: Reached) -> None:
        self._so("unprotected", _ALL, {}, not reached.as_asked)
        for behind in reached.behind:
            self._away(behind.place, behind.error)
        mended = {mended.place.label: len(mended.names) for mended in reached.healed}
        hurt = [error.copy for error in reached.damage]
        for label in mended.keys() | set(hurt):
            healed = mended.get(label, 0)
            facts = {"files": hurt.count(label) + healed, "healed": healed, "lost": 0}
            self._noticed.happened("damage", label, facts)

    def _away(self, place: Place, error: VaultdError | None) -> None:
        is_away = isinstance(error, Unreachable)
        self._so("copy-away", place.label, {}, is_away)
        self._so("copy-wrong", place.label, {}, error is not None and not is_away)
