"""How much time has passed since this computer first saw a record, told by what no wrong clock can hurry.

Two counters go on whenever anybody asks. Trusted time: within one run of the system the smaller of what the
wall clock and the system's own count say, from one run to the next what the wall clock says, and a week at
most. Running time: what the system itself counted while it was on. Neither ever goes back. Where they are
lost all begins anew: whatever waits then waits longer.
"""

import time
from collections.abc import Iterable
from typing import NamedTuple

from vaultd.store.ledger import Ledger

_SECOND = 1_000_000_000
_HOUR = 3600 * _SECOND
_DAY = 24 * _HOUR
# A computer may be off for as long as it likes; a clock that is wrong by years may add this much, each time
# that the computer is started.
_MOST_BETWEEN = 7 * _DAY
_BOOT_FILE = "/proc/sys/kernel/random/boot_id"


class Clocks(NamedTuple):
    """What the clocks of this computer say: which run of the system it is ("" where nobody knows), the wall
    clock, and for how long it has been running; ns.
    """

    boot: str
    wall: int
    running: int


class Span(NamedTuple):
    """Trusted and running time, ns."""

    trusted: int
    running: int

    def covers(self, least: "Span") -> bool:
        """Whether at least so much of both has passed."""
        return self.trusted >= least.trusted and self.running >= least.running


# What was forgotten can be taken back for so long, and what was condemned waits at least so long. The wall
# clock alone says nothing: a quarter of either this computer must have been running.
UNDO = Span(30 * _DAY, 30 * _DAY // 4)
CONDEMNED = Span(24 * _HOUR, 6 * _HOUR)
# A pack that no record names may be one of a first snapshot that another computer is still making, for days.
ORPHANED = Span(7 * _DAY, 24 * _HOUR)


def read_clocks() -> Clocks:
    """What the clocks say now."""
    try:
        with open(_BOOT_FILE, encoding="ascii") as file:
            boot = file.read().strip()
        running = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    except (OSError, AttributeError, UnicodeDecodeError):
        boot, running = "", 0
    return Clocks(boot, time.time_ns(), running)


def passed_between(before: Clocks, now: Clocks) -> Span:
    """How much certainly passed between two readings; never less than nothing."""
    wall = max(0, now.wall - before.wall)
    if not now.boot:
        return Span(0, 0)
    if now.boot == before.boot:
        running = max(0, now.running - before.running)
        return Span(min(wall, running), running)
    return Span(min(wall, _MOST_BETWEEN), max(0, now.running))


class Passing:
    """The counters of this computer, kept in its ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def since(self, records: Iterable[bytes]) -> dict[bytes, Span]:
        """How much has passed since this computer first saw each of these records, by their ids. One that it
        has not seen before it sees now.
        """
        now = self._tick()
        ids = list(records)
        seen = self._ledger.sights(ids)
        if new := [identity for identity in ids if identity not in seen]:
            self._ledger.add_sights(new, now)
        at = {identity: seen.get(identity, now) for identity in ids}
        return {identity: Span(now.trusted - t, now.running - r) for identity, (t, r) in at.items()}

    def _tick(self) -> Span:
        clocks, known = read_clocks(), self._ledger.clock()
        if known is None:
            total = Span(0, 0)
        else:
            boot, wall, running, *before = known
            more = passed_between(Clocks(boot, wall, running), clocks)
            total = Span(before[0] + more.trusted, before[1] + more.running)
        self._ledger.put_clock((*clocks, *total))
        return total


def undo_is_over(passed: Span, written: int, now: int) -> bool:
    """Whether what a record did can be taken back no more: it is known here for long enough, and was
    `written` (ns since 1970) long enough before `now`.
    """
    return passed.covers(UNDO) and now - written >= UNDO.trusted
