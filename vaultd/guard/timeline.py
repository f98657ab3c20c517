"""Which earlier snapshot a new one is compared with, and where a loss began. Positions count from the oldest
snapshot of a source.
"""

from collections.abc import Callable, Sequence

from vaultd.guard.trips import HOUR
from vaultd.tree.snapshots import Snapshot

# Who deletes for an hour, rests for less than that, and goes on, does one thing.
QUIET = HOUR


def base(line: Sequence[Snapshot], at: int, window: int, floor: int = 0) -> int:
    """The newest snapshot before position `at` that is older than it by `window` (ns); where there is none
    the oldest, and never one before `floor`. Where the clock was set back meanwhile, the one before that.
    """
    now = line[at].body.started
    for position in range(at - 1, floor, -1):
        passed = now - line[position].body.started
        if passed < 0 or passed >= window:
            return position
    return min(floor, max(0, at - 1))


def last_good(line: Sequence[Snapshot], at: int, oldest: int, is_hit: Callable[[int], bool]) -> int:
    """The newest snapshot before the loss that shows at position `at` began, and not before `oldest`.
    `is_hit` says of a position whether something of what is lost was lost on the way to it.
    """
    first = at
    for position in range(at - 1, oldest, -1):
        if line[first].body.started - line[position].body.started > QUIET:
            break
        if is_hit(position):
            first = position
    return max(oldest, first - 1)
