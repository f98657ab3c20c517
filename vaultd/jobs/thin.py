"""Thin the sources of this computer by their rules, as is done once a day without anybody watching."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext

from vaultd.errors import BadUsage, FromTheFuture, OnHold, TooMuchAtOnce, TooNew
from vaultd.jobs.forget import Plan, forget_by_rules, plan_by_rules, refuse_too_much
from vaultd.jobs.heal import healing
from vaultd.jobs.protect import protect
from vaultd.jobs.session import Session
from vaultd.jobs.sources import my_sources
from vaultd.progress import Silent
from vaultd.tree.sources import Source

Stopped = FromTheFuture | OnHold | TooMuchAtOnce | TooNew | BadUsage
"""Why nothing of a source was forgotten: its owner has to look first."""


def thin_sources(
    session: Session,
    stop: Callable[[], None],
    turn: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Iterator[tuple[Source, Plan | Stopped]]:
    """Each source, with what was forgotten of it or why nothing was. A session that only reads is this
    device's writer for as long as that takes, in a `turn` that was asked for.

    Raises Busy, and what opening and writing raise; what was forgotten by then is.
    """
    for source in my_sources(session):
        stop()
        try:
            plan = _planned(session, source)
            if plan.thinned.gone:
                with turn(), healing(session):
                    plan = _planned(session, source)  # somebody else may have written before
                    forget_by_rules(session, plan)
                    protect(session, Silent(), stop)
        except (FromTheFuture, OnHold, TooMuchAtOnce, TooNew, BadUsage) as error:
            yield source, error
        else:
            yield source, plan


def _planned(session: Session, source: Source) -> Plan:
    plan = plan_by_rules(session, source, None, time.time_ns())
    refuse_too_much(plan)
    return plan
