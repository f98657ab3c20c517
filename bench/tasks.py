"""What is to be done, and in which order."""

import fnmatch
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.corpora.corpus import Corpus
from bench.operations import BY_NAME, OPERATIONS, Operation
from bench.peers.peer import Ground


@dataclass(frozen=True, slots=True)
class Place:
    """Where a round is played: `memory` or `disk`, and a folder that is there."""

    name: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Task:
    """One corpus in one place. `operations` are patterns of those that are wanted, `rest` are the names
    of those that this corpus has at all; `fill` adds to what vaultd stores before the first snapshot;
    `kept`: the corpus is made once and kept for later runs.
    """

    corpus: Corpus
    scale: float
    place: Place
    operations: Sequence[str] = ()
    rest: Sequence[str] = tuple(BY_NAME)
    fill: Callable[[Ground], None] | None = None
    kept: bool = True

    def wanted(self, operation: Operation) -> bool:
        name = f"{self.corpus.name}/{operation.name}"
        return operation.name in self.rest and fits(self.operations, name)

    def done(self) -> list[Operation]:
        """What is wanted, and what must have been done before: all that saves, but for what comes after
        the last wanted.
        """
        known = [operation for operation in OPERATIONS if operation.name in self.rest]
        last = max((place for place, each in enumerate(known) if self.wanted(each)), default=-1)
        return [each for each in known[: last + 1] if self.wanted(each) or each.saves or each.name == "init"]


def fits(patterns: Sequence[str], name: str) -> bool:
    """Whether a name fits one of the patterns of a shell; every name fits where there are no patterns."""
    return not patterns or any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
