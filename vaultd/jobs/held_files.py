"""Which snapshots must stay for the sake of files that are held by their paths."""

from collections.abc import Sequence
from itertools import pairwise

from vaultd.jobs.session import Session
from vaultd.tree.compare import Change, Kind, compare
from vaultd.tree.forgotten import list_holds
from vaultd.tree.patterns import Selection
from vaultd.tree.snapshots import Snapshot
from vaultd.tree.view import View


def holding_files(session: Session, source: bytes, line: Sequence[Snapshot]) -> set[bytes]:
    """The ids of the snapshots of a source, oldest first, that are the last to show a version of a held file:
    those before one in which it is another, or gone. Where two cannot be compared, the older one stays.
    """
    holds = [each.body for each in list_holds(session.vault.journal)]
    patterns = [each.pattern for each in holds if each.pattern and each.source == source]
    if not patterns:
        return set()
    selection = Selection(include=patterns)
    return {one.id for one, other in pairwise(line) if _loses(session, one, other, selection)}


def _loses(session: Session, one: Snapshot, other: Snapshot, selection: Selection) -> bool:
    blobs = session.blobs or session.vault
    before, after = (View(blobs, each.body.root, each.body.attic) for each in (one, other))
    for change in compare(before, after):
        if not isinstance(change, Change):
            return True
        if change.kind in (Kind.REMOVED, Kind.CHANGED) and selection.includes(change.path, folder=False):
            return True
    return False
