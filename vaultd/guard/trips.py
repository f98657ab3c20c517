"""What the guard says: which rule, what it counted, and some paths. Times are arguments in this room, and
so is whatever has to be read.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vaultd.format.keeping import MAX_EXAMPLES
from vaultd.tree.incidents import CLOCK

DELETED = "deleted"  # G1: many files are gone within a day
DRIPPED = "dripped"  # G1: many files are gone within 30 days, a few at a time
EMPTIED = "emptied"  # G2: a folder is empty that held many files
CHAT = "chat"  # G3: a store of messages is gone, or was begun anew
ENCRYPTED = "encrypted"  # G4: files are not any more what they were
RENAMED = "renamed"  # G5: files came back under an ending that nobody knew
SHRUNK = "shrunk"  # G7: media files lost most of their bytes
# G8 stands with the incidents: the clock jumped, or snapshots are dated in the future.
RULES = (DELETED, DRIPPED, EMPTIED, CHAT, ENCRYPTED, RENAMED, SHRUNK, CLOCK)

MINUTE, HOUR, DAY = (seconds * 1_000_000_000 for seconds in (60, 3600, 86_400))


@dataclass(frozen=True, slots=True)
class Trip:
    """One rule that found something; `facts` are numbers by their names."""

    rule: str
    facts: dict[str, int]
    examples: tuple[bytes, ...] = ()


def some_of(paths: Sequence[bytes]) -> tuple[bytes, ...]:
    """As many as an incident takes, from all over."""
    step = max(1, -(-len(paths) // MAX_EXAMPLES))
    return tuple(paths[::step][:MAX_EXAMPLES])


def rules_of(trips: Iterable[Trip]) -> list[str]:
    """The rules in their order, each once."""
    met = {trip.rule for trip in trips}
    return [rule for rule in RULES if rule in met]


def facts_of(trips: Iterable[Trip]) -> dict[str, int]:
    """All facts in one; of one that several rules tell, the larger."""
    facts: dict[str, int] = {}
    for trip in trips:
        for name, value in trip.facts.items():
            facts[name] = max(value, facts.get(name, 0))
    return facts
