"""What reading came upon is put right, once it was answered for by another copy."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from vaultd.errors import Damaged, Missing
from vaultd.jobs.heal import Healed, heal, healing
from vaultd.jobs.session import Session
from vaultd.progress import Silent
from vaultd.store.anywhere import Anywhere

Turn = Callable[[], AbstractContextManager[None]]


def mend_met(session: Session, anywhere: Anywhere, turn: Turn) -> Healed:
    """In the copy in use, and as its writer for that long. What is mended is forgotten by `anywhere`; the
    record of it comes to the other copies with whatever is written next.

    Raises Busy, ReadOnly, Unreachable, LostTooMuch, where nothing can be written or should be.
    """
    met = [error for error in list(anywhere.helped.values()) if isinstance(error, Damaged | Missing)]
    if not met:
        return Healed()
    with turn(), healing(session):
        copy = session.vault.copy
        of = sum(1 for _ in copy.list())
        healed = heal(session, session.place, copy, met, Silent(), _never, of=of)
    for name in healed.names:
        anywhere.helped.pop(name, None)
    return healed


def _never() -> None:
    pass
