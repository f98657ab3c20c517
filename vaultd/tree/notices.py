"""What the owner has to know, as the journal tells it: each notice, who was told by which channel, and
whether he said that he knows.
"""

from dataclasses import dataclass, field

from vaultd.format.noticing import AcknowledgeBody, AttemptBody, NoticeBody
from vaultd.format.record import Record
from vaultd.store.journal import Journal

SHORT = 8


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to tell it: `time` (ns), by which channel, whether it took it, and what it answered."""

    time: int
    channel: str
    taken: bool
    answer: str


@dataclass(slots=True)
class Notice:
    """`id` is its record's id (32 bytes), `device` who noticed it (8 bytes), `time` when (ns since 1970), and
    `acknowledged` when its owner said that he knows.
    """

    id: bytes
    device: bytes
    time: int
    body: NoticeBody
    attempts: list[Attempt] = field(default_factory=list)
    acknowledged: int | None = None

    @property
    def short(self) -> str:
        return self.id.hex()[:SHORT]

    @property
    def is_open(self) -> bool:
        return self.acknowledged is None


def list_notices(journal: Journal) -> list[Notice]:
    """All of them, oldest first by their writers' clocks. An answer to what is not there says nothing."""
    found = {identity: _notice(identity, record) for identity, record in journal.of_kind(NoticeBody.WORD)}
    for _, record in journal.of_kind(AttemptBody.WORD):
        body = AttemptBody.from_map(record.body)
        if body.notice in found:
            attempt = Attempt(record.time, body.channel, body.taken, body.answer)
            found[body.notice].attempts.append(attempt)
    for _, record in journal.of_kind(AcknowledgeBody.WORD):
        for identity in AcknowledgeBody.from_map(record.body).answers:
            if identity in found and found[identity].is_open:
                found[identity].acknowledged = record.time
    return list(found.values())


def open_notices(journal: Journal) -> list[Notice]:
    """Those that nobody has acknowledged."""
    return [notice for notice in list_notices(journal) if notice.is_open]


def _notice(identity: bytes, record: Record) -> Notice:
    return Notice(identity, record.device, record.time, NoticeBody.from_map(record.body))
