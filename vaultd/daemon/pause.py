"""The owner's wish to be left alone for a while. It always ends by itself, and outlives the daemon."""

import json
import time

from vaultd.settings import Home, write_whole

# Whoever forgets that it is paused is without backups for a week at most.
LONGEST = 7 * 86_400.0
USUAL = 86_400.0


class Pause:
    """Whether it is paused, by the clock of the wall; `now` is only to be given by tests.

    A clock that was set back does not make a pause longer than was asked for.
    """

    def __init__(self, home: Home) -> None:
        self._file = home.state / "pause.json"
        self._asked = self._read()

    def _read(self) -> tuple[float, float]:
        """When it began, and for how many seconds."""
        try:
            found = json.loads(self._file.read_bytes())
            return float(found["began"]), min(float(found["seconds"]), LONGEST)
        except (OSError, ValueError, TypeError, KeyError):
            return 0.0, 0.0

    def begin(self, seconds: float, now: float | None = None) -> float:
        """Until when. Raises ValueError for no length of time or too long a one, OSError."""
        if not 0 < seconds <= LONGEST:
            raise ValueError(seconds)
        began = time.time() if now is None else now
        write_whole(self._file, json.dumps({"began": began, "seconds": seconds}).encode())
        self._asked = began, seconds
        return began + seconds

    def end(self) -> None:
        """To end what does not last is not an error. Raises OSError."""
        self._file.unlink(missing_ok=True)
        self._asked = 0.0, 0.0

    def until(self, now: float | None = None) -> float | None:
        """When it ends (seconds since 1970); None where it is not paused."""
        moment = time.time() if now is None else now
        began, seconds = self._asked
        return began + seconds if began <= moment < began + seconds else None
