"""A watched folder for tests: what was told of it, and what the system says is watched."""

import contextlib
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import waiting
from vaultd.daemon.changes import Change, Dirty, Lost, Turned, Watching, Why
from vaultd.daemon.scope import Scope
from vaultd.daemon.watching import Watch

PATIENCE = 60.0  # nothing waits for so long unless it would never come


@dataclass
class Told:
    """What a watch told, in order. `hold` is cleared to have it wait, as a busy listener would."""

    changes: list[Change] = field(default_factory=list)
    hold: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.hold.set()

    def __call__(self, change: Change) -> None:
        self.changes.append(change)
        self.hold.wait(PATIENCE)

    @property
    def lost(self) -> list[Why]:
        return [change.why for change in self.changes if isinstance(change, Lost)]

    @property
    def dirty(self) -> dict[bytes, bool]:
        """All folders that were told; True where all below was meant, at least once."""
        found: dict[bytes, bool] = {}
        for change in list(self.changes):
            if isinstance(change, Dirty):
                found[change.folder] = change.deep or found.get(change.folder, False)
        return found

    def turned(self) -> list[Any]:
        return [change.state for change in self.changes if isinstance(change, Turned)]

    def covers(self, folder: bytes) -> bool:
        """Whether a scan that goes by what was told looks into this folder."""
        dirty = self.dirty
        if folder in dirty:
            return True
        while folder:
            folder = folder.rpartition(b"/")[0]
            if dirty.get(folder):
                return True
        return False


def until(what: Callable[[], object], why: str = "") -> None:
    """Wait until this is so."""
    assert waiting.until(lambda: bool(what()), PATIENCE, every=0.005), why or "it never came"


@contextlib.contextmanager
def watching(
    root: Path, *, up: bool = True, look_s: float = 0.1, mounts: Path | None = None, **scope: Any
) -> Iterator[tuple[Watch, Told]]:
    """A watch that has begun; unless `up`, whether it can or not."""
    told = Told()
    more = {"mounts": mounts} if mounts else {}
    watch = Watch(Scope(os.fsencode(root), **scope), told, look_s=look_s, **more)
    watch.start()
    try:
        if up:
            until(lambda: told.lost == [Why.STARTED], "it never began")
        yield watch, told
    finally:
        told.hold.set()
        assert watch.close(PATIENCE)


def settled(root: Path, watch: Watch, told: Told) -> None:
    """Wait until all that has happened so far was told: a sign is given, and answered."""
    name = b"sign-%d" % time.monotonic_ns()
    sign = root / name.decode()
    sign.mkdir()
    until(lambda: Dirty(name, deep=True) in told.changes, "the sign was not seen")
    sign.rmdir()
    until(lambda: isinstance(watch.state, Watching) and not watch.state.busy)


def told_since(told: Told) -> set[bytes]:
    """The folders that were told, but for signs."""
    return {path for path in told.dirty if not path.startswith(b"sign-")}


def inodes_watched() -> set[int]:
    """The numbers of all files that this process watches, as the system has them."""
    found: set[int] = set()
    for name in os.listdir("/proc/self/fdinfo"):
        with contextlib.suppress(OSError):
            text = Path("/proc/self/fdinfo", name).read_text()
            found.update(int(ino, 16) for ino in re.findall(r"^inotify wd:\S+ ino:(\S+)", text, re.MULTILINE))
    return found


def inodes_of(root: Path) -> set[int]:
    """The numbers of all folders in a root."""
    return {os.stat(path).st_ino for path, _, _ in os.walk(root)}


def count_of(watch: Watch) -> int:
    """How many folders are watched; -1 where none can be."""
    return watch.state.folders if isinstance(watch.state, Watching) else -1
