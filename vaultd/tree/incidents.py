"""What the guard held, as the journal tells it. An incident is a hold and the records that name it: the first
says what was found, later ones what it has become. It is open until the owner ends the hold.

Whoever thins or deletes asks `sources_on_hold` first.
"""

from dataclasses import dataclass, field

from vaultd.format.keeping import IncidentBody, UnholdBody
from vaultd.store.journal import Journal

SHORT = 8
# The rule whose incident is about the clock, and so about every source.
CLOCK = "clock"


@dataclass(slots=True)
class Incident:
    """`id` is its first record's id (32 bytes), `time` when (ns), `device` who found it. `updates` are the
    bodies of all its records, oldest first, with their times. `ended` is when its hold was ended; None: it
    is open.
    """

    id: bytes
    device: bytes
    time: int
    updates: list[tuple[int, IncidentBody]] = field(default_factory=list)
    ended: int | None = None

    @property
    def short(self) -> str:
        return self.id.hex()[:SHORT]

    @property
    def is_open(self) -> bool:
        return self.ended is None

    @property
    def first(self) -> IncidentBody:
        return self.updates[0][1]

    @property
    def source(self) -> bytes:
        return self.first.source

    @property
    def good(self) -> bytes | None:
        """The last snapshot before it."""
        return self.first.good

    @property
    def last_time(self) -> int:
        return self.updates[-1][0]

    @property
    def rules(self) -> list[str]:
        """All that it was found by."""
        return list(dict.fromkeys(rule for _, body in self.updates for rule in body.rules))

    @property
    def facts(self) -> dict[str, int]:
        """The newest of each."""
        return {name: value for _, body in self.updates for name, value in body.facts.items()}

    @property
    def examples(self) -> list[bytes]:
        return next((body.examples for _, body in reversed(self.updates) if body.examples), [])

    @property
    def tripped(self) -> tuple[bytes, ...]:
        """The snapshots that show it."""
        return tuple(body.tripped for _, body in self.updates if body.tripped is not None)


def list_incidents(journal: Journal) -> list[Incident]:
    """All of them, oldest first by their writers' clocks."""
    ended = {
        answered: record.time
        for _, record in journal.of_kind(UnholdBody.WORD)
        for answered in UnholdBody.from_map(record.body).answers
    }
    found: dict[bytes, Incident] = {}
    for identity, record in journal.of_kind(IncidentBody.WORD):
        body = IncidentBody.from_map(record.body)
        key = body.hold or identity
        incident = found.setdefault(key, Incident(identity, record.device, record.time))
        incident.updates.append((record.time, body))
        incident.ended = ended.get(key)
    return list(found.values())


def open_incidents(journal: Journal) -> list[Incident]:
    """Those that the owner has not ended, oldest first."""
    return [incident for incident in list_incidents(journal) if incident.is_open]


@dataclass(frozen=True, slots=True)
class HeldSources:
    """The sources of which nothing may be thinned, forgotten by a policy, or purged; ask with `in`. A clock
    that is not to be believed holds `everything`.
    """

    sources: frozenset[bytes] = frozenset()
    everything: bool = False

    def __contains__(self, source: bytes) -> bool:
        return self.everything or source in self.sources


def sources_on_hold(journal: Journal) -> HeldSources:
    """By the incidents that are open."""
    found = open_incidents(journal)
    sources = frozenset(incident.source for incident in found)
    return HeldSources(sources, any(CLOCK in incident.rules for incident in found))
