"""Prove the log of every copy unbroken: each device's records follow one another without a gap, each names
the one before it by its hash, and the copies tell the same.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from vaultd.errors import VaultdError
from vaultd.jobs.opening import open_other
from vaultd.jobs.session import Session
from vaultd.settings import Place
from vaultd.store.journal import Journal


@dataclass(slots=True)
class Verified:
    """What the log of one copy is: `records` of `devices` devices; `troubles` is why it is not unbroken.
    `lacks` records stand in another copy's and not here, which is no break: it is behind. `forks` are devices
    that wrote two records with one number, both of which count.
    """

    records: int = 0
    devices: int = 0
    troubles: list[VaultdError] = field(default_factory=list)
    lacks: int = 0
    forks: list[bytes] = field(default_factory=list)

    @property
    def is_unbroken(self) -> bool:
        return not self.troubles and not self.forks


def verify(session: Session, stop: Callable[[], None]) -> Iterator[tuple[Place, Verified | VaultdError]]:
    """Each copy of the vault, or why it cannot be looked at. Every file of its log is read anew."""
    found: list[tuple[Place, Verified | VaultdError]] = []
    ids: dict[bytes, set[bytes]] = {}
    for place in session.settings.copies:
        stop()
        try:
            with contextlib.ExitStack() as stack:
                other = place in session.others
                vault = stack.enter_context(open_other(session, place)) if other else session.vault
                vault.journal.sync(anew=True)
                ids[place.copy_id] = set(vault.journal.records)
                found.append((place, _verified(vault.journal)))
        except VaultdError as error:
            found.append((place, error))
    everything = set().union(*ids.values())
    for place, verified in found:
        if isinstance(verified, Verified):
            verified.lacks = len(everything - ids[place.copy_id])
        yield place, verified


def _verified(journal: Journal) -> Verified:
    chains = journal.chains()
    forks = [
        device for device, chain in chains.items() if len({record.seq for _, record in chain}) < len(chain)
    ]
    return Verified(len(journal.records), len(chains), list(journal.troubles), forks=forks)
