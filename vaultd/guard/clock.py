"""G8: the clock of this computer is not to be believed, and what is thinned by age must wait."""

from dataclasses import dataclass

from vaultd.guard.trips import DAY, Trip
from vaultd.tree.incidents import CLOCK

# A clock that ran wild for a week would thin what nobody has looked at. Less is a battery that ran down.
JUMP = 7 * DAY
# Computers are switched off for a summer; not one of them for half a year without being looked at.
ASLEEP = 180 * DAY
# Two computers do not agree to the minute, and a time zone that was set by hand is off by hours.
FUTURE = DAY


@dataclass(frozen=True, slots=True)
class Moment:
    """What the clocks said at one time: since 1970, and since this start of the computer (ns)."""

    wall: int
    since_start: int
    start: str


def jumped(before: Moment, now: Moment) -> Trip | None:
    """The wall clock and the time that passed do not agree."""
    passed = now.wall - before.wall
    # Where the system does not name its starts, a shorter time since then tells of one.
    if now.start == before.start and now.since_start >= before.since_start:
        jump = passed - (now.since_start - before.since_start)
        is_wrong = abs(jump) > JUMP
    else:
        jump = passed
        is_wrong = passed < -JUMP or passed > ASLEEP
    return Trip(CLOCK, _facts(jump)) if is_wrong else None


def dated_ahead(last_snapshot: int, now: int) -> Trip | None:
    """A snapshot bears a time that has not come yet."""
    ahead = last_snapshot - now
    return Trip(CLOCK, _facts(ahead) | {"ahead": 1}) if ahead > FUTURE else None


def _facts(jump: int) -> dict[str, int]:
    return {"clock_days": abs(jump) // DAY, "clock_back": int(jump < 0)}
