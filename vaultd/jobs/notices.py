"""Write down what the owner has to know, who was told, and that he knows."""

from collections.abc import Iterable, Mapping, Sequence

from vaultd.errors import NoSuchNotice
from vaultd.format.noticing import AcknowledgeBody, AttemptBody, NoticeBody
from vaultd.jobs.session import Session
from vaultd.tree.notices import Attempt, Notice, list_notices, open_notices

# What a channel answered is not ours, and may be a whole page.
MOST_SAID = 500


def write_notice(session: Session, what: str, about: str, facts: Mapping[str, int], time_ns: int) -> bytes:
    """Its id. Raises what writing to the copy raises."""
    body = NoticeBody(what=what, about=about, facts=dict(facts))
    return session.vault.journal.append(body.WORD, body.to_map(), time_ns)[0]


def write_attempt(session: Session, notice: bytes, attempt: Attempt) -> None:
    """Raises what writing to the copy raises."""
    answer = attempt.answer[:MOST_SAID]
    body = AttemptBody(notice=notice, channel=attempt.channel, taken=attempt.taken, answer=answer)
    session.vault.journal.append(body.WORD, body.to_map(), attempt.time)


def acknowledge(session: Session, words: Iterable[str]) -> list[Notice]:
    """Close notices, each named by the begin of its id; every open one where there are no words. Those that
    are closed already are left as they are. Raises NoSuchNotice before anything is written, and what
    writing to the copy raises.
    """
    asked = list(words)
    known = list_notices(session.vault.journal)
    chosen = [_find(known, word) for word in asked] if asked else open_notices(session.vault.journal)
    closed = list({notice.id: notice for notice in chosen if notice.is_open}.values())
    acknowledge_these(session, closed)
    return closed


def acknowledge_these(session: Session, notices: Sequence[Notice]) -> None:
    """Close notices. Raises what writing to the copy raises."""
    if notices:
        body = AcknowledgeBody(answers=[notice.id for notice in notices])
        session.vault.journal.append(body.WORD, body.to_map())


def _find(known: list[Notice], word: str) -> Notice:
    found = [notice for notice in known if word and notice.id.hex().startswith(word.lower())]
    if len(found) != 1:
        raise NoSuchNotice(word, len(found))
    return found[0]
