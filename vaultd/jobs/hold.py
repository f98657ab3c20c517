"""Hold snapshots, or every version of some files, against every kind of deletion; and let go of them."""

from collections.abc import Iterable, Sequence

from vaultd.errors import NoSuchHold
from vaultd.format.keeping import OWNER, HoldBody, UnholdBody
from vaultd.jobs.session import Session
from vaultd.tree.forgotten import Hold, list_holds
from vaultd.tree.patterns import Selection
from vaultd.tree.snapshots import Snapshot
from vaultd.tree.sources import Source


def hold_snapshots(session: Session, snapshots: Sequence[Snapshot], why: str, by: str = OWNER) -> Hold:
    """From now on. One that is in the trash is out of it. Raises what writing to the copy raises."""
    body = HoldBody(by=by, pattern="", snapshots=[each.id for each in snapshots], source=None, why=why)
    return _written(session, body)


def hold_files(session: Session, source: Source, pattern: str, why: str) -> Hold:
    """Every version of the files of a source whose paths fit a pattern, as in .gitignore. Raises BadPattern,
    and what writing to the copy raises.
    """
    Selection(include=(pattern,))
    return _written(
        session, HoldBody(by=OWNER, pattern=pattern, snapshots=[], source=source.body.id, why=why)
    )


def _written(session: Session, body: HoldBody) -> Hold:
    identity, record = session.vault.journal.append(body.WORD, body.to_map())
    return Hold(identity, record.device, record.time, body)


def find_holds(session: Session, words: Iterable[str], snapshots: Iterable[bytes] = ()) -> list[Hold]:
    """The holds that are named by the begin of their ids, and those on these snapshots. Raises NoSuchHold."""
    known = list_holds(session.vault.journal)
    wanted = set(snapshots)
    found = [hold for hold in known if wanted & set(hold.body.snapshots)]
    for word in words:
        named = [hold for hold in known if word and hold.id.hex().startswith(word.lower())]
        if len(named) != 1:
            raise NoSuchHold(word, len(named))
        found += named
    return list({hold.id: hold for hold in found}.values())


def let_go(session: Session, holds: Sequence[Hold]) -> None:
    """These holds are over. Raises what writing to the copy raises."""
    body = UnholdBody(answers=[hold.id for hold in holds])
    session.vault.journal.append(body.WORD, body.to_map())
