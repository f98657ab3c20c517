"""When each chore was done last, and which one is next. By the clock of the wall, since months are meant."""

import json
import time
from collections.abc import Iterable
from math import inf
from pathlib import Path

from vaultd.settings import write_whole

DAILY = 86_400.0
# What could not be done, or not to its end, is gone on with.
AGAIN = 600.0


class Schedule:
    """`names` are the chores, each of them daily. What it remembers is in `file`; without it all is due."""

    def __init__(self, file: Path, names: Iterable[str]) -> None:
        self._file, self._names = file, tuple(names)
        self._done = self._read()
        self._not_before: dict[str, float] = {}

    def _read(self) -> dict[str, float]:
        try:
            found = json.loads(self._file.read_bytes())
            return {name: float(found[name]) for name in self._names if name in found}
        except (OSError, ValueError, TypeError):
            return {}

    def due(self, now: float | None = None) -> str | None:
        """What has waited longest; None where nothing is due. What was done later than now, by a clock that
        was set back since, counts as never done.
        """
        moment = time.time() if now is None else now
        ended = {name: self._ended(name, moment) for name in self._names}
        waiting = [name for name in self._names if moment - ended[name] >= DAILY]
        ready = [name for name in waiting if self._is_ready(name, moment)]
        return min(ready, key=lambda name: ended[name], default=None)

    def _ended(self, name: str, now: float) -> float:
        when = self._done.get(name, -inf)
        return when if when <= now else -inf

    def _is_ready(self, name: str, now: float) -> bool:
        until = self._not_before.get(name, 0.0)
        return now >= until or until - now > AGAIN

    def done(self, name: str, now: float | None = None) -> None:
        """It need not be done again for a day. Raises OSError, where only this process remembers it."""
        self._done[name] = time.time() if now is None else now
        write_whole(self._file, json.dumps(self._done).encode())

    def later(self, name: str, now: float | None = None) -> None:
        """It is gone on with in a while, and what else is due comes first."""
        self._not_before[name] = (time.time() if now is None else now) + AGAIN
