"""Bodies of records that say what the owner has to know, and that he knows (docs/format.md, section 9)."""

from vaultd.format.body import Body
from vaultd.format.canon import Bytes32, Int


class NoticeBody(Body, frozen=True, kw_only=True):
    """Something that the owner has to know: `what` is a word, `about` the name of what it happened to, and
    `facts` are numbers by their names.
    """

    WORD = "notice"

    about: str
    facts: dict[str, Int]
    what: str


class AttemptBody(Body, frozen=True, kw_only=True):
    """That a notice was handed to a channel: whether it took it, and what it answered."""

    WORD = "attempt"

    answer: str
    channel: str
    notice: Bytes32
    taken: bool


class AcknowledgeBody(Body, frozen=True, kw_only=True):
    """That the owner knows; `answers` are ids of notices."""

    WORD = "acknowledge"

    answers: list[Bytes32]


BODIES: tuple[type[Body], ...] = (NoticeBody, AttemptBody, AcknowledgeBody)
