"""What the guard remembers on this computer. Losing it costs one comparison with an older snapshot, and one
look at the clock.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from vaultd.guard.clock import Moment
from vaultd.settings import write_whole


@dataclass(slots=True)
class Remembered:
    """Of one source: the last snapshot that was `judged` (hex); the device and inode of its folder, `root`,
    and at which path (hex) that was `mounted`, if it was; and the time (ns) of the snapshot that was last
    compared with one of a `month` ago.
    """

    judged: str = ""
    root: tuple[int, int] | None = None
    mounted: str = ""
    month: int | None = None


@dataclass(slots=True)
class _Kept:
    sources: dict[str, Remembered] = field(default_factory=dict)
    moment: Moment | None = None


class GuardMemory:
    """Reads its file when it is made. What cannot be written is remembered for as long as this lives."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._kept = _Kept()
        with suppress(OSError, msgspec.MsgspecError):
            self._kept = msgspec.json.decode(file.read_bytes(), type=_Kept)

    @property
    def moment(self) -> Moment | None:
        """What the clocks said at the last look."""
        return self._kept.moment

    def of(self, source: bytes) -> Remembered:
        """May be changed, and is kept by `write`."""
        return self._kept.sources.setdefault(source.hex(), Remembered())

    def looked(self, moment: Moment) -> None:
        """At the clocks, just now."""
        self._kept.moment = moment

    def write(self) -> None:
        with suppress(OSError):
            write_whole(self._file, msgspec.json.encode(self._kept))
