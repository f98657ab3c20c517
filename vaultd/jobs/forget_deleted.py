"""Forget what is no longer there: take it out of the attic of its source, by its owner's word alone."""

from collections.abc import Sequence

from vaultd.errors import NoSuchPath
from vaultd.format.keeping import AtticRemoveBody
from vaultd.jobs.forget import refuse_unknown
from vaultd.jobs.session import Session
from vaultd.tree.snapshots import list_snapshots, newest
from vaultd.tree.sources import Source
from vaultd.tree.view import View


def forget_deleted(session: Session, source: Source, paths: Sequence[bytes]) -> bytes:
    """From the next snapshot of the source on its attic lacks what is at and below these paths now. The id
    of the record.

    The newest snapshot, which has it, is held for as long as this can be taken back for certain. Raises
    NoSuchPath for a path at which nothing is missed, TooNew, and what writing to the copy raises.
    """
    refuse_unknown(session)
    last = newest(list_snapshots(session.vault.journal), source.body.id)
    view = View(session.blobs or session.vault, last.body.root, last.body.attic) if last else None
    for path in paths:
        if view is None or next(view.deleted(path), None) is None:
            raise NoSuchPath(path)
    assert last is not None
    body = AtticRemoveBody(paths=list(paths), snapshot=last.id, source=source.body.id)
    return session.vault.journal.append(body.WORD, body.to_map())[0]
