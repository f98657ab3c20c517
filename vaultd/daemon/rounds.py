"""How far the re-reading of each source has come: all of it once in 90 days, some of it each day."""

import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from vaultd.settings import write_whole

_DAY = 86_400.0
# A round begins so long after the one before began; it takes so many days, which leaves 15 in which the
# computer may be off.
ROUND, DAYS = 90 * _DAY, 75
# Less than that is done in a few seconds, and not worth spreading over many days.
LEAST = 256 << 20


@dataclass(slots=True)
class _Round:
    began: float
    at: bytes | None = None
    ended: bool = False


@dataclass(slots=True)
class _Kept:
    rounds: dict[str, _Round] = field(default_factory=dict)


class Rounds:
    """Remembered in `file`; without it, each source begins anew."""

    def __init__(self, file: Path) -> None:
        self._file = file
        kept = _Kept()
        with suppress(OSError, msgspec.MsgspecError):
            kept = msgspec.json.decode(file.read_bytes(), type=_Kept)
        self._rounds = kept.rounds

    def is_due(self, source: bytes, now: float | None = None) -> bool:
        """Whether something of a source is left to be read in this round, or the next one begins. By a clock
        that was set back since, it begins.
        """
        known, moment = self._rounds.get(source.hex()), time.time() if now is None else now
        return known is None or not known.ended or not known.began <= moment < known.began + ROUND

    def after(self, source: bytes) -> bytes | None:
        """Where to go on; None for from the beginning."""
        known = self._rounds.get(source.hex())
        return None if known is None or known.ended else known.at

    def reached(self, source: bytes, at: bytes | None, now: float | None = None) -> None:
        """It was read up to here; None where that is the end. Raises OSError."""
        known = self._rounds.get(source.hex())
        if known is None or known.ended:
            known = self._rounds[source.hex()] = _Round(time.time() if now is None else now)
        known.at, known.ended = at, at is None
        write_whole(self._file, msgspec.json.encode(_Kept(self._rounds)))


def share(whole: int) -> int:
    """How many bytes of so many are to be read in a day."""
    return max(LEAST, -(-whole // DAYS))
