"""Whether the clock of this computer can be believed: what it says is compared with what it said before."""

import contextlib
import time

from vaultd.guard.clock import Moment, jumped
from vaultd.jobs.guardmemory import GuardMemory
from vaultd.jobs.session import Session
from vaultd.tree.incidents import sources_on_hold


def clock_is_wrong(session: Session) -> bool:
    """Whether it is not to be believed now, or was not and nobody has looked at that yet. For whoever is
    about to let go of something by its age. Writes nothing.
    """
    before, now = memory_of(session).moment, moment_now()
    has_jumped = before is not None and jumped(before, now) is not None
    return has_jumped or sources_on_hold(session.vault.journal).everything


def memory_of(session: Session) -> GuardMemory:
    """What the guard remembers on this computer."""
    return GuardMemory(session.home.state / "guard.json")


def moment_now() -> Moment:
    """What the clocks say."""
    start = ""
    with contextlib.suppress(OSError), open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        start = file.read().strip()
    which = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return Moment(time.time_ns(), time.clock_gettime_ns(which), start)
