"""Which snapshots must stay whole: those that nobody has forgotten, that are held, or can be taken back."""

from collections.abc import Container
from dataclasses import dataclass, field

from vaultd.format.keeping import AtticRemoveBody, ForgetBody, HoldBody, RestoreFromTrashBody
from vaultd.store.journal import Journal
from vaultd.tree.forgotten import Hold, forgotten, list_holds
from vaultd.tree.purging import Purging
from vaultd.tree.snapshots import Snapshot, every_snapshot


@dataclass(slots=True)
class Standing:
    """`whole` must be had whole. Of `partly` all that is there must stay, and some may be gone already: leave
    was given for that by another computer, which has known for longer that it was forgotten.
    """

    whole: list[Snapshot] = field(default_factory=list)
    partly: list[Snapshot] = field(default_factory=list)


def undoable(journal: Journal) -> dict[bytes, int]:
    """The records that let go of something and may be taken back for a while: when (ns) by their ids."""
    words = (ForgetBody.WORD, AtticRemoveBody.WORD)
    return {identity: record.time for word in words for identity, record in journal.of_kind(word)}


def standing(journal: Journal, over: Container[bytes]) -> Standing:
    """`over` are records of which the time in which they can be taken back has ended, by their ids."""
    gone, holds, past = forgotten(journal), list_holds(journal), journal.derived(Purging).looked_at
    kept, found = _kept_for_attics(journal, over), Standing()
    for each in every_snapshot(journal):
        by = gone.get(each.id, ())
        is_kept = each.id in kept or any(_is_held_by_path(hold, each) for hold in holds)
        if by and all(one.id in over for one in by) and not is_kept:
            continue
        seen = any(journal.records[one.id].seq <= past.get(one.device, 0) for one in by)
        (found.partly if seen else found.whole).append(each)
    return found


def _is_held_by_path(hold: Hold, snapshot: Snapshot) -> bool:
    """Which of its files are held is not asked: all of them stay."""
    body: HoldBody = hold.body
    by_path = body.source is not None or bool(body.pattern)
    return by_path and body.source in (None, snapshot.body.source)


def _kept_for_attics(journal: Journal, over: Container[bytes]) -> set[bytes]:
    """Snapshots that are the last to have what was removed from an attic, while that can be taken back, and
    after it was.
    """
    back = {
        answered
        for _, record in journal.of_kind(RestoreFromTrashBody.WORD)
        for answered in RestoreFromTrashBody.from_map(record.body).answers
    }
    return {
        AtticRemoveBody.from_map(record.body).snapshot
        for identity, record in journal.of_kind(AtticRemoveBody.WORD)
        if identity in back or identity not in over
    }
