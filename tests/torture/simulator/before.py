"""What was so before the program did something, and the words in which a broken rule is told."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.torture.simulator.media import Medium
from vaultd import ids

FELT = ("log/", "keys/", "packs/")


class Violated(AssertionError):
    """A rule was broken: `rule` is its name."""

    def __init__(self, rule: str, what: object) -> None:
        super().__init__(f"{rule}: {what}")
        self.rule = rule


@dataclass
class Before:
    """What was so before the program did something."""

    what: str
    label: str
    files: dict[Medium, dict[str, bytes]]
    matched: dict[str, set[bytes]]
    heads: dict[str, dict[bytes, tuple[int, bytes]]]
    steady: set[str]
    here: set[str]
    lying: set[str]
    home: dict[str, Medium] = field(default_factory=dict)


def gaps(names: Iterable[str]) -> int:
    """Numbers of each device's log up to its last one that have no file."""
    numbers: dict[bytes, set[int]] = {}
    for name in map(ids.parse, names):
        if name is not None and name.folder == "log":
            numbers.setdefault(name.device, set()).add(name.seq)
    return sum(max(seen) - len(seen) for seen in numbers.values())


def is_older(names: Iterable[str], heads: dict[bytes, tuple[int, bytes]]) -> bool:
    """Whether a log ends before where it was read back to end: `heads` has the last number and hash of each
    device.
    """
    files = [file for file in map(ids.parse, names) if file is not None and file.folder == "log"]
    last = {device: max((f.seq for f in files if f.device == device), default=0) for device in heads}
    there = {bytes.fromhex(name[-64:]) for name in names}
    return any(last[device] < seq and digest not in there for device, (seq, digest) in heads.items())


def felt(name: str) -> bool:
    return name.startswith(FELT)


def felt_of(files: Iterable[str]) -> set[str]:
    return {name for name in files if felt(name)}
