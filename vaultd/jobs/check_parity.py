"""What a check has to say about the parity of a copy, and what it does about it."""

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from vaultd.copies.contract import Copy, is_right
from vaultd.errors import Missing, VaultdError
from vaultd.jobs.felt import digest_of, name_of
from vaultd.jobs.parity import (
    Coverage,
    cover_copy,
    coverage,
    gone_members,
    has_parity,
    plan_parity,
    stands_in,
)
from vaultd.jobs.session import Session
from vaultd.progress import Progress
from vaultd.settings import Place
from vaultd.tree.purging import Purging

if TYPE_CHECKING:
    from vaultd.jobs.check import Report


def add_gone_packs(session: Session, copy: Copy, report: "Report") -> None:
    """A pack that parity stands for and that is gone is missing, even where nobody asks for it just now."""
    said = {getattr(error, "name", "") for error in report.damage}
    gone = [name for name in gone_members(session.home, copy, _purged(session)) if name not in said]
    report.damage += [Missing(name, copy.label) for name in gone]


def may_mend(session: Session, place: Place, copy: Copy, report: "Report") -> bool:
    """Whether there is something to mend, and anything to mend it with."""
    if report.damage and (len(session.settings.copies) > 1 or stands_in(copy)):
        return True
    return has_parity(place) and bool(plan_parity(session.home, copy, removed=_purged(session))[0].make)


def renew_parity(
    session: Session, place: Place, copy: Copy, report: "Report", progress: Progress, stop: Callable[[], None]
) -> None:
    """Make anew what is wrong with the parity of a copy that has it, and account for it.

    A pack that is gone, cannot be rebuilt, and is missed by no path of any snapshot, is waited for no more:
    what lay in it is in other packs by now.
    """
    removed = _unwanted(session, copy, report) | _purged(session)
    bad = {name for error in report.damage if (name := name_of(error, parity=True))}
    if has_parity(place):
        done = cover_copy(session.home, place, copy, progress, stop, bad, removed)
        report.renewed = done.names if done.amiss else []
        report.unhealed += [done.error] if done.error is not None else []
        known = {getattr(error, "name", "") for error in report.damage}
        report.damage += [error for error in done.damage if error.name not in known]
    past = {name for name in bad if _is_past(copy, name)}
    report.damage = [error for error in report.damage if name_of(error, parity=True) not in past]


def _purged(session: Session) -> frozenset[bytes]:
    return session.vault.journal.derived(Purging).purged


def _unwanted(session: Session, copy: Copy, report: "Report") -> set[bytes]:
    # Where mending was cut short, by a full disk perhaps, the next one may still succeed.
    told = report.walked and not report.lost_count
    if not told or not all(isinstance(error, Missing) for error in report.unhealed):
        return set()
    gone = set(gone_members(session.home, copy, _purged(session)))
    for errors in (report.damage, report.unhealed):
        errors[:] = [error for error in errors if not (isinstance(error, Missing) and error.name in gone)]
    return set(map(digest_of, gone))


def measured(session: Session, place: Place, copy: Copy) -> Coverage | None:
    """How much parity stands for, where the copy has it; None where it cannot be looked at now."""
    with contextlib.suppress(VaultdError):
        if has_parity(place):
            return coverage(session.home, copy, _purged(session))
    return None


def _is_past(copy: Copy, name: str) -> bool:
    """Whether a damaged parity file is right now, or not there any more since nothing needs it."""
    with contextlib.suppress(VaultdError):
        return is_right(copy, name) or not any(copy.list(name))
    return False
