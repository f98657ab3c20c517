"""The daemon of a test: `python stormed.py HOME KEY EVENTS`; the kernel keeps so many EVENTS (0: as usual).

Prints what it saved and what it could not. SIGTERM ends it.
"""

import contextlib
import signal
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from vaultd.credentials import KeyFile
from vaultd.daemon import inotify, tended
from vaultd.daemon.service import Service
from vaultd.daemon.settler import Settler
from vaultd.daemon.tended import Tended
from vaultd.errors import VaultdError
from vaultd.jobs.guarding import Guarded
from vaultd.jobs.opening import open_for_writing
from vaultd.jobs.protect import Reached
from vaultd.jobs.session import Session
from vaultd.jobs.snapshot import Taken
from vaultd.settings import find_home
from vaultd.tree.sources import Source

EVENTS = Path("/proc/sys/fs/inotify/max_queued_events")


class Printed:
    """See `vaultd.daemon.report.Report`."""

    def watching(self, tended: Tended) -> None:
        print("state", tended.state, flush=True)

    def gone(self, source: Source) -> None:
        print("gone", flush=True)

    def read(self, source: Source, taken: Taken) -> None:
        pass

    def saved(self, taken: Taken, reached: Reached) -> None:
        print("saved", flush=True)

    def guarded(self, source: Source, guarded: Guarded) -> None:
        pass

    def untold(self, source: Source, paths: int) -> None:
        print("untold", paths, flush=True)

    def caught_up(self, reached: Reached) -> None:
        pass

    def failed(self, error: VaultdError | OSError, source: Source | None = None) -> None:
        print("failed", repr(error), flush=True)

    def states(self, tended: list[Tended]) -> None:
        pass


def squeeze(most: int) -> None:
    """The kernel gives each queue the length that is allowed when it is made; others' queues stay long."""
    usual: Callable[[], int] = vars(inotify)["inotify_init"]

    def squeezed() -> int:
        before = EVENTS.read_text()
        EVENTS.write_text(str(most))
        try:
            return usual()
        finally:
            EVENTS.write_text(before)

    vars(inotify)["inotify_init"] = squeezed


def main(home: str, key: str, events: int) -> None:
    if events:
        squeeze(events)
    hasty: Any = partial(Settler, quiet=0.2, longest=1.0)
    vars(tended)["Settler"] = hasty
    found, credential = find_home(home), KeyFile(Path(key).read_bytes())

    def enter(avoid: Mapping[bytes, VaultdError]) -> contextlib.AbstractContextManager[Session]:
        return open_for_writing(found, credential, away=True, avoid=avoid)

    service = Service(found, enter, Printed())
    signal.signal(signal.SIGTERM, lambda *_: service.stop())
    service.run()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
