"""Watch with few watches to be had: `python limited.py ROOT`, in a user namespace of its own.

A namespace has a limit of its own below that of the system, so nobody else's watches are touched.
"""

import sys
from pathlib import Path

from tests.daemon.watched import count_of, inodes_watched, until, watching
from vaultd.daemon import watching as module
from vaultd.daemon.changes import Scanning, TooMany, Why
from vaultd.daemon.inotify import limit

WATCHES = Path("/proc/sys/user/max_inotify_watches")


def main(root: Path) -> None:
    WATCHES.write_text("10")
    module.RETRY_S = 0.5
    with watching(root, up=False) as (watch, told):
        until(lambda: isinstance(watch.state, Scanning) and isinstance(watch.state.reason, TooMany))
        reason = next(state.reason for state in told.turned() if isinstance(state.reason, TooMany))
        assert reason.held == 10
        assert reason.limit == limit("max_user_watches") > 10
        assert reason.command == f"sysctl fs.inotify.max_user_watches={max(1 << 20, 2 * reason.limit)}"
        assert told.lost == [], "it was said to be watched"
        WATCHES.write_text("1000")
        until(lambda: count_of(watch) == 21)
        assert told.lost == [Why.UNWATCHED]
        # The limit is met later, by a folder that is new.
        WATCHES.write_text("25")
        for number in range(10):
            (root / f"new-{number}").mkdir()
        until(lambda: isinstance(told.turned()[-1], Scanning))
        until(lambda: not inodes_watched(), "watches are kept from others for nothing")


main(Path(sys.argv[1]))
