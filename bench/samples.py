"""What was measured, as it is written down, and what is made of it."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import NamedTuple

# What a reader calls each place.
PLACES = {"memory": "in memory", "disk": "on disk"}


class Key(NamedTuple):
    """What the samples of one cell of a table have in common."""

    place: str
    corpus: str
    operation: str
    peer: str


@dataclass(frozen=True, slots=True)
class Sample:
    """One command that was run. Seconds; bytes of the peak of resident memory, and of all that the peer
    stores afterwards (0 where that did not change).
    """

    place: str
    corpus: str
    operation: str
    peer: str
    wall: float
    user: float
    system: float
    peak: int
    stored: int = 0

    @property
    def key(self) -> Key:
        return Key(self.place, self.corpus, self.operation, self.peer)


@dataclass(frozen=True, slots=True)
class Cell:
    """All samples of one key: the least and the median of their seconds, the highest of their peaks."""

    runs: int
    wall: float
    wall_median: float
    user: float
    user_median: float
    system: float
    system_median: float
    peak: int
    stored: int


@dataclass(slots=True)
class Results:
    """One run. `about` says on what; `peers` their versions and how each is opened; `corpora` what was
    saved; `notes` what was left out, and why.
    """

    about: dict[str, str]
    peers: dict[str, dict[str, str]] = field(default_factory=dict)
    corpora: dict[str, dict[str, int]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)

    def note(self, sentence: str) -> None:
        """Say it once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = ",\n    ".join(json.dumps(asdict(sample)) for sample in self.samples)
        head = {name: getattr(self, name) for name in ("about", "peers", "corpora", "notes")}
        text = json.dumps(head, indent=2).removesuffix("\n}")
        path.write_text(f'{text},\n  "samples": [\n    {lines}\n  ]\n}}\n')

    @classmethod
    def load(cls, path: Path) -> "Results":
        document = json.loads(path.read_text())
        samples = [Sample(**sample) for sample in document.pop("samples")]
        return cls(**document, samples=samples)


def cells(samples: Iterable[Sample]) -> dict[Key, Cell]:
    """The samples of each key in one, in the order in which the keys first appear."""
    groups: dict[Key, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(sample.key, []).append(sample)
    return {key: _cell(group) for key, group in groups.items()}


def _cell(group: Sequence[Sample]) -> Cell:
    walls, users, systems = (
        [getattr(sample, name) for sample in group] for name in ("wall", "user", "system")
    )
    return Cell(
        runs=len(group),
        wall=min(walls),
        wall_median=median(walls),
        user=min(users),
        user_median=median(users),
        system=min(systems),
        system_median=median(systems),
        peak=max(sample.peak for sample in group),
        stored=group[-1].stored,
    )


def ratio(found: dict[Key, Cell], key: Key, other: str, measure: str = "wall") -> float | None:
    """How many times as much this cell is as that of another peer; None where one of them is not there."""
    mine, theirs = found.get(key), found.get(key._replace(peer=other))
    if mine is None or theirs is None or not getattr(theirs, measure):
        return None
    return float(getattr(mine, measure)) / float(getattr(theirs, measure))
