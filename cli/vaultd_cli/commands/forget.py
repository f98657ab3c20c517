"""`vaultd forget`: snapshots into the trash, by name or by rules."""

import time
from typing import TYPE_CHECKING, Any

import click

from vaultd.errors import BadUsage
from vaultd_cli import show
from vaultd_cli.catalogue import say
from vaultd_cli.command import command
from vaultd_cli.others import bring_up
from vaultd_cli.rules import in_words, keep_options, rules_of
from vaultd_cli.run import Run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vaultd.jobs.forget import Plan
    from vaultd.jobs.session import Session
    from vaultd.tree.retention import Rules
    from vaultd.tree.snapshots import Snapshot
    from vaultd.tree.sources import Source


@command("forget", unlocks=True)
@click.argument("words", nargs=-1, metavar="[SNAPSHOT|SOURCE]...")
@keep_options
@click.option("--by-rules", is_flag=True, help=say("option.by-rules"))
@click.option("--dry-run", is_flag=True, help=say("option.dry-run-forget"))
@click.option("--yes", metavar="SOURCE", multiple=True, help=say("option.yes-source"))
def forget(
    run: Run, words: tuple[str, ...], by_rules: bool, dry_run: bool, yes: tuple[str, ...], **given: Any
) -> int:
    rules = rules_of(given)
    if by_rules and rules is not None:
        raise BadUsage("forget-both")
    if not words and not by_rules and rules is None:
        raise BadUsage("forget")
    with run.vault(writing=not dry_run) as session:
        if by_rules or rules is not None:
            changed = _by_rules(run, session, words, rules, dry_run, yes)
        else:
            changed = _by_name(run, session, words, dry_run, yes)
        return bring_up(run, session) if changed else 0


def _by_name(
    run: Run, session: "Session", words: "Sequence[str]", dry_run: bool, yes: "Sequence[str]"
) -> bool:
    from vaultd.errors import LeavesNothing
    from vaultd.jobs.forget import forget as let_go
    from vaultd.jobs.forget import refuse_forgetting
    from vaultd_cli.chosen import choose_all

    chosen, allowed = choose_all(session, words), set(yes)
    while True:
        try:
            refuse_forgetting(session, chosen, allowed)
            break
        except LeavesNothing as error:
            if dry_run or not _typed(run, "forget.last", error.source):
                raise
            allowed.add(error.source)
    if not dry_run:
        let_go(session, chosen)
    _tell(run, chosen, dry_run)
    return not dry_run


def _typed(run: Run, key: str, name: str) -> bool:
    """Whether a person at the terminal typed the name of what he is about to lose."""
    from vaultd_cli import ask

    return run.may_ask and ask.line(say(key, name=name)) == name


def _by_rules(
    run: Run,
    session: "Session",
    words: "Sequence[str]",
    rules: "Rules | None",
    dry_run: bool,
    yes: "Sequence[str]",
) -> bool:
    from vaultd.jobs.forget import forget_by_rules, plan_by_rules

    plans = [plan_by_rules(session, each, rules, time.time_ns()) for each in _sources(session, words)]
    gone = [each for plan in plans for each in plan.thinned.gone]
    if not dry_run:
        for plan in plans:
            _refuse_too_much(run, plan, yes)
        for plan in plans:
            forget_by_rules(session, plan)
    if not run.json:
        for plan in plans:
            facts = {"name": plan.source.body.name, "rules": in_words(plan.rules)}
            kept, of = len(plan.thinned.kept), len(plan.line)
            run.console.answer("forget.rules", kept=kept, of=of, **facts)
    _tell(run, gone, dry_run)
    return bool(gone) and not dry_run


def _refuse_too_much(run: Run, plan: "Plan", yes: "Sequence[str]") -> None:
    from vaultd.errors import TooMuchAtOnce
    from vaultd.jobs.forget import refuse_too_much

    name = plan.source.body.name
    try:
        refuse_too_much(plan)
    except TooMuchAtOnce as error:
        if name in yes:
            return
        if run.may_ask:
            run.console.warn("forget.too-much", name=name, gone=error.gone, of=error.of)
        if not _typed(run, "forget.type", name):
            raise


def _sources(session: "Session", words: "Sequence[str]") -> "list[Source]":
    from vaultd.jobs.sources import my_sources
    from vaultd.tree.sources import find_source, list_sources

    if not words:
        return my_sources(session)
    known = list_sources(session.vault.journal)
    return [find_source(known, word) for word in words]


def _tell(run: Run, gone: "Sequence[Snapshot]", dry_run: bool) -> None:
    if run.json:
        run.console.json([_as_json(each) for each in gone])
        return
    for each in gone:
        facts = {"id": each.short, "name": each.body.name, "when": show.moment(each.body.started)}
        run.console.answer("forget.would" if dry_run else "forget.one", **facts)
    if not gone:
        run.console.tell("forget.none")
    elif not dry_run:
        run.console.tell("forget.next")


def _as_json(snapshot: "Snapshot") -> dict[str, Any]:
    body = snapshot.body
    return {"id": snapshot.id.hex(), "source": body.name, "started": show.instant(body.started)}
