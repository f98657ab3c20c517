"""`vaultd hold` and `vaultd unhold`: what nothing may delete."""

from typing import TYPE_CHECKING, Any

import click

from vaultd.errors import BadUsage
from vaultd_cli import show
from vaultd_cli.catalogue import Said, say
from vaultd_cli.command import command
from vaultd_cli.others import bring_up
from vaultd_cli.run import Run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vaultd.jobs.session import Session
    from vaultd.tree.forgotten import Hold


@command("hold", unlocks=True)
@click.argument("words", nargs=-1, metavar="[SNAPSHOT|SOURCE]...")
@click.option("--files", metavar="PATTERN", help=say("option.hold-files"))
@click.option("--why", metavar="TEXT", default="", help=say("option.why"))
def hold(run: Run, words: tuple[str, ...], files: str | None, why: str) -> int:
    from vaultd.jobs.hold import hold_files, hold_snapshots
    from vaultd.tree.sources import find_source, list_sources
    from vaultd_cli.chosen import choose_all

    if not words:
        if files or why:
            raise BadUsage("hold")
        return _list(run)
    with run.vault(writing=True) as session:
        if files:
            sources = list_sources(session.vault.journal, removed=True)
            made = [hold_files(session, find_source(sources, word), files, why) for word in words]
        else:
            made = [hold_snapshots(session, choose_all(session, words), why)]
        _tell(run, session, made, "hold.made")
        return bring_up(run, session)


def _list(run: Run) -> int:
    from vaultd.tree.forgotten import list_holds

    with run.vault(away=True) as session:
        holds = list_holds(session.vault.journal)
        if not holds and not run.json:
            run.console.tell("hold.none")
        else:
            _tell(run, session, holds, "hold.one")
    return 0


@command("unhold", unlocks=True)
@click.argument("words", nargs=-1, required=True, metavar="SNAPSHOT|ID...")
def unhold(run: Run, words: tuple[str, ...]) -> int:
    from vaultd.errors import NoSuchSnapshot
    from vaultd.jobs.hold import find_holds, let_go
    from vaultd_cli.chosen import choose_all

    with run.vault(writing=True) as session:
        snapshots, ids = [], []
        for word in words:
            try:
                snapshots += choose_all(session, [word])
            except NoSuchSnapshot:
                ids.append(word)
        holds = find_holds(session, ids, [each.id for each in snapshots])
        if not holds:
            run.console.tell("hold.none-there")
            return 1
        let_go(session, holds)
        _tell(run, session, holds, "hold.over")
        return bring_up(run, session)


def _tell(run: Run, session: "Session", holds: "Sequence[Hold]", key: str) -> None:
    if run.json:
        run.console.json([_as_json(each) for each in holds])
        return
    for each in holds:
        facts = {"id": each.short, "when": show.moment(each.time), "what": _what(session, each)}
        run.console.answer(key, by=say(f"by.{each.body.by}"), why=each.body.why, **facts)


def _what(session: "Session", hold: "Hold") -> str:
    from vaultd.tree.sources import list_sources

    body = hold.body
    if not body.pattern:
        return Said(say("hold.snapshots", ids=tuple(each.hex()[:8] for each in body.snapshots)))
    sources = {each.body.id: each.body.name for each in list_sources(session.vault.journal, removed=True)}
    name = sources.get(body.source or b"", "")
    return Said(say("hold.files", pattern=body.pattern, name=name))


def _as_json(hold: "Hold") -> dict[str, Any]:
    body = hold.body
    return {
        "id": hold.id.hex(),
        "time": show.instant(hold.time),
        "by": body.by,
        "why": body.why,
        "snapshots": [each.hex() for each in body.snapshots],
        "source_id": body.source.hex() if body.source else None,
        "pattern": body.pattern,
    }
