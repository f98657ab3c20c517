"""What was free on each copy, a sample a day, and when it will be full if that goes on."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from vaultd.settings import Home, write_whole

_DAY = 86_400.0
# More tells of habits that are over; fewer days than that tell nothing.
_KEPT_DAYS, _LEAST_DAYS = 60.0, 3.0

Sample = tuple[float, int]  # seconds since 1970, bytes free
_Samples = dict[str, list[Sample]]


def _file(home: Home) -> Path:
    return home.state / "space.json"


def _read(home: Home) -> _Samples:
    with suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode(_file(home).read_bytes(), type=_Samples)
    return {}


def note_space(home: Home, free: Mapping[bytes, int], now: float | None = None) -> None:
    """Remember what is free on these copies, by their ids. What cannot be kept is not an error: less is known
    then.
    """
    moment, known = time.time() if now is None else now, _read(home)
    for copy_id, bytes_free in free.items():
        samples = known.setdefault(copy_id.hex(), [])
        # A sample of a future that was taken back says nothing.
        samples[:] = [each for each in samples if moment - _KEPT_DAYS * _DAY < each[0] < moment]
        samples.append((moment, bytes_free))
    with suppress(OSError):
        write_whole(_file(home), msgspec.json.encode(known))


def full_in(home: Home, copy_id: bytes, free: int, now: float | None = None) -> int | None:
    """Days until this copy is full, if it fills as it did; None where that cannot be told, or it does not."""
    moment = time.time() if now is None else now
    samples = [*_read(home).get(copy_id.hex(), []), (moment, free)]
    rate = _a_day(samples)
    return None if rate is None or rate <= 0 else int(free / rate)


def _a_day(samples: Sequence[Sample]) -> float | None:
    """Bytes that are used up each day: the slope of the line with the least squares."""
    days = [when / _DAY for when, _ in samples]
    if max(days) - min(days) < _LEAST_DAYS:
        return None
    middle = sum(days) / len(days)
    average = sum(free for _, free in samples) / len(samples)
    spread = sum((day - middle) ** 2 for day in days)
    fall = sum((day - middle) * (free - average) for day, (_, free) in zip(days, samples, strict=True))
    return -fall / spread
