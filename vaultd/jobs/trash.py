"""What was forgotten, and how it is brought back."""

from collections.abc import Sequence
from dataclasses import dataclass

from vaultd.errors import NotWhole
from vaultd.format.keeping import RestoreFromTrashBody
from vaultd.jobs.check_trees import lost_paths
from vaultd.jobs.session import Session
from vaultd.tree.forgotten import Forgetting, forgotten
from vaultd.tree.retention import DAY_NS
from vaultd.tree.snapshots import Snapshot, every_snapshot

# For so long a forgotten snapshot can be brought back for certain.
UNDO_NS = 30 * DAY_NS


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


def bring_back(session: Session, chosen: Sequence[Forgotten]) -> None:
    """Out of the trash. Raises NotWhole, before anything is written, where a part of one is gone; and what
    writing to the copy raises.
    """
    for each in chosen:
        for lost in lost_paths(session.vault, set(), lambda: None, [each.snapshot]):
            raise NotWhole(each.snapshot.short, lost.path)
    answers = {by.id for each in chosen for by in each.by}
    body = RestoreFromTrashBody(
        answers=sorted(answers), snapshots=sorted(each.snapshot.id for each in chosen)
    )
    session.vault.journal.append(body.WORD, body.to_map())
