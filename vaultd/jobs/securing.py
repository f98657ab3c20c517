"""What is taken back must not rely on condemned packs: whoever prunes may be removing them just now."""

from collections.abc import Callable, Sequence

from vaultd.format.keeping import CondemnBody
from vaultd.jobs.judging import Judging
from vaultd.jobs.rewriting import rewrite
from vaultd.jobs.session import Session
from vaultd.progress import Progress
from vaultd.store.vault import condemned
from vaultd.tree.marking import mark
from vaultd.tree.snapshots import Snapshot
from vaultd.tree.standing import Standing


def secure(
    session: Session, snapshots: Sequence[Snapshot], progress: Progress, stop: Callable[[], None]
) -> None:
    """Write anew what of these snapshots lies in condemned packs alone; before the record that makes them
    stand again. Raises NotSure where they cannot be read to the end, and what writing to the copy raises.
    """
    vault = session.vault
    gone = vault.journal.derived(condemned)
    if not gone or not snapshots:
        return
    judging = Judging(vault, mark(vault, Standing(whole=list(snapshots)), stop))
    packs = [pack for pack in sorted(gone & judging.sizes.keys()) if judging.is_needed(pack, ())]
    if not packs:
        return
    done = rewrite(session, judging, packs, (), progress, stop)
    body = CondemnBody(packs=[], instead=sorted(done.instead))
    vault.journal.append(CondemnBody.WORD, body.to_map())
