"""The copies of an open vault, whichever is in use: any of them, and all of them to read from, so that what
one cannot give comes from another at once.
"""

import contextlib
from collections.abc import Iterator

from vaultd.copies.contract import Copy
from vaultd.errors import Unreachable, VaultdError
from vaultd.jobs.opening import open_other, open_place
from vaultd.jobs.session import Session
from vaultd.settings import Place
from vaultd.store.anywhere import Anywhere
from vaultd.store.contract import Blobs


@contextlib.contextmanager
def copy_at(session: Session, place: Place) -> Iterator[Copy]:
    """The copy in use, or another one, which is let go of at the end. Raises what `open_place` raises."""
    if place.copy_id == session.vault.copy.copy_id:
        yield session.vault.copy
        return
    with contextlib.closing(open_place(session.home, place)) as copy:
        yield copy


@contextlib.contextmanager
def from_anywhere(session: Session) -> Iterator[Anywhere]:
    """The blobs of an open vault. Other copies are opened when the first blob is wanting, not before."""
    with contextlib.ExitStack() as stack:
        yield Anywhere(session.vault, _others(session, stack))


def _others(session: Session, stack: contextlib.ExitStack) -> Iterator[Blobs]:
    # Nobody waits twice for one that does not answer; one that lost its key slots may have everything else.
    away = [place for place, error in session.passed_over if isinstance(error, Unreachable)]
    for place in session.others:
        if place in away:
            continue
        with contextlib.suppress(VaultdError):
            yield stack.enter_context(open_other(session, place))
