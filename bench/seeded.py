"""Bytes, words, sizes and files that are the same whenever the same Python makes them."""

import os
import random
from collections.abc import Iterable
from functools import cache
from itertools import accumulate
from pathlib import Path

from blake3 import blake3

SEED = "vaultd bench 1"

_TEXT = 4 << 20
_VOCABULARY = 4000
# 2024-01-01, and 700 days: old enough that no program takes a file for one that is being written.
_EPOCH, _SPAN = 1_704_067_200, 700 * 86_400


def numbers(label: str) -> random.Random:
    """A source of numbers for this label."""
    return random.Random(f"{SEED} {label}")


def noise(label: str, length: int) -> bytes:
    """Bytes that no program can compress, and that nothing else repeats."""
    return blake3(f"{SEED} {label}".encode()).digest(length=length)


@cache
def text() -> bytes:
    """4 MiB that look to a compressor like what people write: few words often, many seldom."""
    dice = numbers("text")
    letters = "etaoinshrdlucmfwypvbgkqjxz"
    weights = [*accumulate(1 / (rank + 2) for rank in range(len(letters)))]
    words = [
        "".join(dice.choices(letters, cum_weights=weights, k=dice.randint(2, 9))) for _ in range(_VOCABULARY)
    ]
    often = [*accumulate(1 / (rank + 3) for rank in range(_VOCABULARY))]
    written = " ".join(dice.choices(words, cum_weights=often, k=_TEXT // 3))
    return written.encode()[:_TEXT]


def prose(dice: random.Random, length: int) -> bytes:
    """A piece of `text`, from anywhere in it."""
    start = dice.randrange(_TEXT - length)
    return text()[start : start + length]


def spread(dice: random.Random, median: float, sigma: float, most: float) -> int:
    """A size as sizes of real files are: a log-normal number, cut at `most`."""
    return max(1, int(min(median * dice.lognormvariate(0, sigma), most)))


def scaled(count: int, scale: float) -> int:
    """So many of `count`, and three at least, so that every edit finds something."""
    return max(3, round(count * scale))


class Folder:
    """A folder that is being filled. Making one makes the folder; names below it are relative to it."""

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.path = path

    def write(self, name: str, parts: Iterable[bytes], when: int) -> None:
        """One file with a time `when` of its own: any whole number, the same for the same number."""
        descriptor = os.open(self.path / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            for part in parts:
                _write_all(descriptor, part)
            os.utime(descriptor, (_moment(when), _moment(when)))
        finally:
            os.close(descriptor)


def settle(root: Path) -> None:
    """Give every folder a time that does not depend on when it was made."""
    for place, folders, _ in os.walk(root, topdown=False):
        for name in folders:
            os.utime(os.path.join(place, name), (_EPOCH, _EPOCH))
    os.utime(root, (_EPOCH, _EPOCH))


def _moment(when: int) -> int:
    return _EPOCH + when * 7919 % _SPAN


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
