"""`vaultd notices` and `vaultd acknowledge`: what the owner has to know."""

from typing import TYPE_CHECKING, Any

import click

from vaultd.errors import BadUsage
from vaultd_cli import noticed, show
from vaultd_cli.catalogue import say
from vaultd_cli.command import command
from vaultd_cli.others import bring_up
from vaultd_cli.run import Run

if TYPE_CHECKING:
    from vaultd.tree.notices import Attempt, Notice

_OPEN = 3


@command("notices", unlocks=True)
@click.option("--all", "everything", is_flag=True, help=say("option.all-notices"))
def notices(run: Run, everything: bool) -> int:
    from vaultd.tree.notices import list_notices

    with run.vault(away=True) as session:
        found = list_notices(session.vault.journal)
    still_open = [notice for notice in found if notice.is_open]
    shown = found if everything else still_open
    if run.json:
        run.console.json([as_json(notice) for notice in shown])
    elif not shown:
        run.console.tell("notices.none")
    else:
        for notice in shown:
            _tell(run, notice)
    return _OPEN if still_open else 0


def _tell(run: Run, notice: "Notice") -> None:
    run.console.answer(
        "notices.one", id=notice.short, when=show.moment(notice.time), what=noticed.title(notice)
    )
    if notice.acknowledged is not None:
        run.console.answer("notices.known", when=show.moment(notice.acknowledged))
    else:
        run.console.answer("notices.next", next=noticed.advice(notice))
    for attempt in notice.attempts:
        facts = {"channel": attempt.channel, "when": show.moment(attempt.time), "answer": attempt.answer}
        run.console.answer("notices.told" if attempt.taken else "notices.not-told", **facts)


def as_json(notice: "Notice") -> dict[str, Any]:
    known = notice.acknowledged
    return {
        "id": notice.id.hex(),
        "time": show.instant(notice.time),
        "what": notice.body.what,
        "about": notice.body.about,
        "facts": notice.body.facts,
        "message": noticed.in_one_language(notice),
        "acknowledged": None if known is None else show.instant(known),
        "attempts": [_attempt(each) for each in notice.attempts],
    }


def _attempt(each: "Attempt") -> dict[str, Any]:
    return {
        "time": show.instant(each.time),
        "channel": each.channel,
        "taken": each.taken,
        "answer": each.answer,
    }


@command("acknowledge", unlocks=True)
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "everything", is_flag=True, help=say("option.acknowledge-all"))
def acknowledge(run: Run, ids: tuple[str, ...], everything: bool) -> int:
    from vaultd.jobs.notices import acknowledge as close

    if bool(ids) == everything:
        raise BadUsage("acknowledge")
    with run.vault(writing=True) as session:
        closed = close(session, ids)
        if run.json:
            run.console.json([as_json(notice) for notice in closed])
        elif not closed:
            run.console.tell("notices.none")
        for notice in closed if not run.json else ():
            run.console.answer("notices.closed", id=notice.short, what=noticed.title(notice))
        return bring_up(run, session) if closed else 0
