"""The copies that are written along with the one in use, while a snapshot is made."""

import contextlib
from collections.abc import Callable, Iterator

from vaultd.copies.contract import Copy
from vaultd.errors import WrongPlace
from vaultd.jobs.felt import may_be_gone, refuse_lossy_by
from vaultd.jobs.opening import open_place
from vaultd.jobs.places import refuse_read_only
from vaultd.jobs.scrub import note
from vaultd.jobs.session import Session
from vaultd.settings import Place
from vaultd.store.fanout import Branch, Fanout
from vaultd.store.ledger import Ledger


def alongside(session: Session) -> Fanout | None:
    """Begin with it, once for a session; None where there is no other copy. Each is opened, and refused,
    where there is something to write.
    """
    if session.also is None and session.others:
        used = session.vault.copy
        others = {place.copy_id: Branch(_opener(session, place)) for place in session.others}
        session.also = Fanout(used.copy_id, Branch(lambda: contextlib.nullcontext(used)), others)
    return session.also


def end(session: Session, ledger: Ledger, stop: Callable[[], None]) -> frozenset[bytes]:
    """Wait for what is under way, and tell the ledger what was read back. The ids of those that took all.

    `stop` is called often and raises to interrupt.
    """
    also, session.also = session.also, None
    if also is None:
        return frozenset()
    try:
        for copy_id, branch in also.all():
            branch.close(stop)
            note(ledger, copy_id, branch.right)
    finally:
        also.let_go()  # those that nobody came to: their threads would wait for ever
    return frozenset(copy_id for copy_id, branch in also.all() if not branch.behind)


def _opener(session: Session, place: Place) -> Callable[[], contextlib.AbstractContextManager[Copy]]:
    # Asked here and not in the other thread: records are added to the journal meanwhile.
    leave, vault_id, home = may_be_gone(session.vault.journal), session.vault.copy.vault_id, session.home

    @contextlib.contextmanager
    def opened() -> Iterator[Copy]:
        refuse_read_only(place)
        with contextlib.closing(open_place(home, place)) as copy:
            if copy.vault_id != vault_id:
                raise WrongPlace(place.label, vault_id.hex(), copy.vault_id.hex())
            refuse_lossy_by(home, copy, leave)
            yield copy

    return opened
