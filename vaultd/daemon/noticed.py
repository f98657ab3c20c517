"""What is worth a notice: what happened just now, and what has been so for too long.

What waits to be written into the journal is in a file first, so that it outlives the daemon.
"""

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from vaultd.settings import write_whole

_HOUR = 3600.0
# How long each may be so before it is worth a word: disks are unplugged, and computers sleep.
GRACE = {
    "source-gone": 24 * _HOUR,
    "source-unreadable": 0.0,
    "unprotected": 24 * _HOUR,
    "guard-failed": _HOUR,
    "copy-away": 7 * 24 * _HOUR,
    "copy-wrong": 0.0,
    "copy-full": 0.0,
    "channel": 0.0,
    "thinning": 0.0,
    "clock": 0.0,
}


@dataclass(frozen=True, slots=True)
class Due:
    """To be written into the journal; `time` is in ns since 1970."""

    what: str
    about: str
    facts: dict[str, int]
    time: int


@dataclass(slots=True)
class _Held:
    what: str
    about: str
    since: float
    told: bool = False
    facts: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Kept:
    due: list[Due] = field(default_factory=list)
    held: list[_Held] = field(default_factory=list)


class Noticed:
    """May be used from several threads. What cannot be kept in `file` is known while the daemon runs."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        kept = _Kept()
        with suppress(OSError, msgspec.MsgspecError):
            kept = msgspec.json.decode(file.read_bytes(), type=_Kept)
        self._due = kept.due
        self._held = {(each.what, each.about): each for each in kept.held if each.what in GRACE}

    def happened(self, what: str, about: str, facts: Mapping[str, int]) -> None:
        """Worth a notice each time. One that says the same as another that still waits is the same."""
        with self._lock:
            known = {(due.what, due.about, tuple(due.facts.items())) for due in self._due}
            if (what, about, tuple(facts.items())) not in known:
                self._due.append(Due(what, about, dict(facts), time.time_ns()))
                self._write()

    def holds(self, what: str, about: str, facts: Mapping[str, int], now: float | None = None) -> None:
        """This is so now, and still the same as when it was said the last time; worth a notice once, when it
        has been for long enough.
        """
        moment = time.time() if now is None else now
        with self._lock:
            known = self._held.get((what, about))
            # By a clock that was set back since, it begins now.
            if known is None or known.since > moment:
                known = self._held[what, about] = _Held(what, about, moment)
                self._write()
            known.facts = dict(facts)

    def ends(self, what: str, about: str) -> None:
        """This is not so. That it was not before is not an error."""
        with self._lock:
            if self._held.pop((what, about), None) is not None:
                self._write()

    def due(self, now: float | None = None) -> list[Due]:
        """What is to be written into the journal."""
        moment = time.time() if now is None else now
        with self._lock:
            for (what, about), held in self._held.items():
                if not held.told and moment - held.since >= GRACE[what]:
                    held.told = True
                    hours = {"hours": int((moment - held.since) // _HOUR)}
                    self._due.append(Due(what, about, {**held.facts, **hours}, int(moment * 1e9)))
                    self._write()
            return list(self._due)

    def written(self, due: Due) -> None:
        """It stands in the journal."""
        with self._lock:
            self._due.remove(due)
            self._write()

    def _write(self) -> None:
        kept = _Kept(self._due, list(self._held.values()))
        with suppress(OSError):
            write_whole(self._file, msgspec.json.encode(kept))
