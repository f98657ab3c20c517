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


def felt(name: str) -> bool:
    return name.startswith(FELT)


def felt_of(files: Iterable[str]) -> set[str]:
    return {name for name in files if felt(name)}
