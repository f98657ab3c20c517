"""The daemon at work in a thread, and what it reported."""

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from tests.jobs.vaults import Computer
from vaultd.credentials import KeyFile
from vaultd.daemon.notices import Notices
from vaultd.daemon.observing import Observing
from vaultd.daemon.report import Report
from vaultd.daemon.service import Service
from vaultd.daemon.tended import Tended
from vaultd.errors import Busy, VaultdError
from vaultd.jobs.guarding import Guarded
from vaultd.jobs.opening import open_for_writing
from vaultd.jobs.protect import Reached
from vaultd.jobs.session import Session
from vaultd.jobs.snapshot import Taken
from vaultd.tree.compare import compare
from vaultd.tree.sources import Source
from vaultd.tree.view import View

SECONDS = 40.0


class Noted:
    """What the service reported."""

    service: Service

    def __init__(self) -> None:
        self.takens: list[Taken] = []
        self.lost: list[int] = []
        self.errors: list[VaultdError | OSError] = []
        self.watches: list[str] = []
        self.let_go: list[str] = []
        self.tended: list[Tended] = []
        self.guards: list[Guarded] = []

    def watching(self, tended: Tended) -> None:
        self.watches.append(tended.source.body.name)

    def gone(self, source: Source) -> None:
        self.let_go.append(source.body.name)

    def read(self, source: Source, taken: Taken) -> None:
        pass

    def saved(self, taken: Taken, reached: Reached) -> None:
        self.takens.append(taken)

    def guarded(self, source: Source, guarded: Guarded) -> None:
        self.guards.append(guarded)

    def untold(self, source: Source, paths: int) -> None:
        self.lost.append(paths)

    def caught_up(self, reached: Reached) -> None:
        pass

    def failed(self, error: VaultdError | OSError, source: Source | None = None) -> None:
        self.errors.append(error)

    def states(self, tended: list[Tended]) -> None:
        self.tended = tended


def observed(notices: Notices | None, noted: Noted) -> Report:
    """As the daemon has it: what is worth a notice is noticed on the way."""
    if notices is None:
        return noted
    told: Any = noted
    return Observing(notices.noticed, told)


@contextlib.contextmanager
def at_work(computer: Computer, notices: Notices | None = None) -> Iterator[Noted]:
    noted = Noted()

    def enter(avoid: Mapping[bytes, VaultdError]) -> contextlib.AbstractContextManager[Session]:
        key = KeyFile(computer.key.read_bytes())
        return open_for_writing(computer.home, key, away=True, avoid=avoid)

    running = noted.service = Service(computer.home, enter, observed(notices, noted), notices=notices)
    thread = threading.Thread(target=running.run)
    thread.start()
    try:
        yield noted
    finally:
        running.stop()
        thread.join(SECONDS)
        assert not thread.is_alive()


@contextlib.contextmanager
def writing(computer: Computer) -> Iterator[Session]:
    """The vault to write to, as soon as the daemon lets go of it."""
    for _ in range(200):
        with contextlib.suppress(Busy), computer.opened(writing=True) as session:
            yield session
            return
        time.sleep(0.1)
    raise Busy("")


def is_as_the_folder(computer: Computer, name: str) -> bool:
    """Whether a scan of everything finds what the newest snapshot says."""
    newest = computer.snapshots()[-1]
    whole = computer.save(name, force=True)
    with computer.opened() as session:
        a, b = (View(session.vault, each.body.root) for each in (newest, whole.snapshot))
        return not list(compare(a, b))
