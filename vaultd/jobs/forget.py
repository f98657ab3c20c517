"""Forget snapshots: they go to the trash, and can be brought back from there for 30 days.

Forgetting writes a record, and that is all. What becomes of the bytes is `prune`'s work.
"""

import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from vaultd.errors import FromTheFuture, HeldSnapshot, LeavesNothing, OnHold, TooMuchAtOnce, TooNew
from vaultd.format.keeping import OWNER, POLICY, ForgetBody
from vaultd.jobs.guardclock import clock_is_wrong
from vaultd.jobs.held_files import holding_files
from vaultd.jobs.session import Session
from vaultd.tree.attic_removals import list_removals
from vaultd.tree.forgotten import held_snapshots, list_holds
from vaultd.tree.incidents import sources_on_hold
from vaultd.tree.retention import DAY_NS, Rules, Thinned, thin
from vaultd.tree.snapshots import Snapshot, in_order, list_snapshots
from vaultd.tree.sources import Source

# Ids of one record: 1,000 are 34 KB.
_IN_A_RECORD = 1000
# Two computers' clocks are seldom further apart; a snapshot that is from later is from the future.
_APART_NS = DAY_NS


def refuse_unknown(session: Session) -> None:
    """Raises TooNew where the vault holds anything that this version does not know: it may be what keeps
    something.
    """
    if session.vault.unknown:
        raise TooNew(session.vault.unknown[0])
    for error in session.vault.journal.troubles:
        raise error


@dataclass(frozen=True, slots=True)
class Plan:
    """What the rules of a source come to; `line` are all its snapshots."""

    source: Source
    rules: Rules
    line: tuple[Snapshot, ...]
    thinned: Thinned


def plan_by_rules(session: Session, source: Source, rules: Rules | None, now_ns: int) -> Plan:
    """What would be forgotten of a source by these rules, or by its own.

    Raises FromTheFuture: one of its snapshots is from later than now, or the clock was set back, and nothing
    can be said of how old anything is; OnHold: something that looks like a wipe happened to it, or the clock
    jumped; TooNew, BadUsage, and what the log lacks.
    """
    refuse_unknown(session)
    if source.body.id in sources_on_hold(session.vault.journal) or clock_is_wrong(session):
        raise OnHold(source.body.name)
    rules = Rules.of(source.body.keep) if rules is None else rules
    snapshots = list_snapshots(session.vault.journal)
    line = _line(snapshots, source.body.id)
    for each in line:
        if each.body.started > now_ns + _APART_NS:
            raise FromTheFuture(source.body.name, each.body.started)
    held = _held(session, now_ns)
    thinned = thin(line, rules, held)
    if thinned.gone:
        thinned = thin(line, rules, held | holding_files(session, source.body.id, line))
    return Plan(source, rules, tuple(line), thinned)


def refuse_too_much(plan: Plan) -> None:
    """Raises TooMuchAtOnce where its owner has to look first."""
    if plan.thinned.is_too_much:
        raise TooMuchAtOnce(plan.source.body.name, len(plan.thinned.gone), len(plan.line))


def forget_by_rules(session: Session, plan: Plan) -> None:
    """Raises what writing to the copy raises; what is written by then is forgotten."""
    _write(session, [each.id for each in plan.thinned.gone], POLICY)


def refuse_forgetting(session: Session, chosen: Sequence[Snapshot], allowed: Collection[str] = ()) -> None:
    """Raises HeldSnapshot; LeavesNothing where a source would have no complete snapshot any more, unless its
    name is among the `allowed`; TooNew, and what the log lacks.
    """
    refuse_unknown(session)
    snapshots, ids = list_snapshots(session.vault.journal), {each.id for each in chosen}
    held = _held(session, time.time_ns())
    for source in {each.body.source for each in chosen}:
        held |= holding_files(session, source, _line(snapshots, source))
    for each in chosen:
        if each.id in held:
            raise HeldSnapshot(each.short)
    complete = {each.body.source for each in snapshots if each.body.complete and each.id not in ids}
    for each in chosen:
        if each.body.source not in complete and each.body.name not in allowed:
            raise LeavesNothing(each.body.name)


def _held(session: Session, now_ns: int) -> set[bytes]:
    """By name, and those that are the last to have what was taken out of an attic, while that can be
    undone.
    """
    removals = list_removals(session.vault.journal)
    last = {each.body.snapshot for each in removals if not each.back and now_ns < each.until}
    return held_snapshots(list_holds(session.vault.journal)) | last


def _line(snapshots: Iterable[Snapshot], source: bytes) -> list[Snapshot]:
    return in_order(each for each in snapshots if each.body.source == source)


def forget(session: Session, chosen: Sequence[Snapshot]) -> None:
    """To the trash, by the owner's word. See `refuse_forgetting`. Raises what writing to the copy raises."""
    _write(session, [each.id for each in chosen], OWNER)


def _write(session: Session, ids: Sequence[bytes], by: str) -> None:
    for some in _some(ids):
        body = ForgetBody(by=by, snapshots=list(some))
        session.vault.journal.append(body.WORD, body.to_map())


def _some(ids: Sequence[bytes]) -> Iterable[Sequence[bytes]]:
    return (ids[begin : begin + _IN_A_RECORD] for begin in range(0, len(ids), _IN_A_RECORD))
