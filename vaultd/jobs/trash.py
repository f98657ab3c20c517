"""What was forgotten, and how it is brought back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vaultd.errors import NotWhole
from vaultd.format.keeping import RestoreFromTrashBody
from vaultd.jobs.check_trees import lost_paths
from vaultd.jobs.securing import secure
from vaultd.jobs.session import Session
from vaultd.progress import Silent
from vaultd.tree.attic_removals import Removal, list_removals
from vaultd.tree.forgotten import Forgetting, forgotten
from vaultd.tree.retention import UNDO_NS
from vaultd.tree.snapshots import Snapshot, every_snapshot


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A snapshot in the trash, and the records that put it there, the first one first."""

    snapshot: Snapshot
    by: tuple[Forgetting, ...]

    @property
    def until(self) -> int:
        """Until then (ns) it can be brought back for certain; mostly for longer."""
        return max(each.time for each in self.by) + UNDO_NS


def list_trash(session: Session) -> list[Forgotten]:
    """Everything that is forgotten, oldest snapshot first; of what is there for long the bytes may be gone
    already.
    """
    gone = forgotten(session.vault.journal)
    return [
        Forgotten(each, tuple(gone[each.id]))
        for each in every_snapshot(session.vault.journal)
        if each.id in gone
    ]


def list_removed(session: Session) -> list[Removal]:
    """What was taken out of attics and not taken back, oldest first."""
    return [each for each in list_removals(session.vault.journal) if not each.back]


def bring_back(session: Session, chosen: Sequence[Forgotten], removed: Iterable[Removal] = ()) -> None:
    """Out of the trash; what was `removed` from an attic is in it again from the next snapshot of its source.

    Raises NotWhole, before anything is written, where a part of one is gone; and what writing to the copy
    raises.
    """
    removed = list(removed)
    bases = [each.base for each in removed if each.base is not None]
    wanted = [each.snapshot for each in chosen] + bases
    for snapshot in wanted:
        for lost in lost_paths(session.vault, set(), lambda: None, [snapshot]):
            raise NotWhole(snapshot.short, lost.path)
    secure(session, wanted, Silent(), lambda: None)
    answers = {by.id for each in chosen for by in each.by} | {each.id for each in removed}
    body = RestoreFromTrashBody(
        answers=sorted(answers), snapshots=sorted(each.snapshot.id for each in chosen)
    )
    session.vault.journal.append(body.WORD, body.to_map())
