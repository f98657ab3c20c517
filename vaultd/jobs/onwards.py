"""Go on with the next copy when the one in use takes no more."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TypeVar

from vaultd.errors import CopyGone, Full, ReadOnly, Unreachable, VaultdError, WrongPlace
from vaultd.jobs.session import Session

_T = TypeVar("_T")
Enter = Callable[[Mapping[bytes, VaultdError]], AbstractContextManager[Session]]
"""Opens the vault for writing, but for the copies of these ids, which are not to be used."""


def on_some_copy(enter: Enter, work: Callable[[Session], _T]) -> _T:
    """What `work` comes to, done again on the next copy where one is full, or goes meanwhile; in the end on
    this computer. Raises what `enter` and `work` raise.
    """
    avoid: dict[bytes, VaultdError] = {}
    while True:
        with enter(avoid) as session:
            try:
                return work(session)
            except (Full, ReadOnly, Unreachable, CopyGone, WrongPlace) as error:
                # What can be saved goes to the next one, or waits here.
                if session.away or session.place.copy_id in avoid:
                    raise
                avoid[session.place.copy_id] = error
