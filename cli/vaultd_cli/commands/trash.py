"""`vaultd trash`: snapshots that were forgotten, and how to have them back."""

import time
from typing import TYPE_CHECKING, Any

import click

from vaultd_cli import show
from vaultd_cli.catalogue import say
from vaultd_cli.command import Group
from vaultd_cli.console import Column
from vaultd_cli.others import bring_up
from vaultd_cli.run import Run

if TYPE_CHECKING:
    from vaultd.jobs.trash import Forgotten

trash = Group("trash")

_HEADS = ("snapshots.id", "snapshots.time", "snapshots.source", "trash.since", "trash.until", "trash.by")


@trash.verb("list", unlocks=True)
@click.option("--all", "everything", is_flag=True, help=say("option.all-trash"))
def list_(run: Run, everything: bool) -> None:
    from vaultd.jobs.trash import list_trash

    with run.vault(away=True) as session:
        found = [each for each in list_trash(session) if everything or each.until > time.time_ns()]
    if run.json:
        run.console.json([_as_json(each) for each in found])
    elif not found:
        run.console.tell("trash.none")
    else:
        run.console.table([Column(head) for head in _HEADS], [_row(each) for each in found])


def _row(each: "Forgotten") -> list[str]:
    snapshot = each.snapshot
    return [
        snapshot.short,
        show.moment(snapshot.body.started),
        show.text(snapshot.body.name),
        show.moment(each.by[0].time),
        show.moment(each.until),
        say(f"by.{each.by[0].by}"),
    ]


def _as_json(each: "Forgotten") -> dict[str, Any]:
    body = each.snapshot.body
    return {
        "id": each.snapshot.id.hex(),
        "source": body.name,
        "started": show.instant(body.started),
        "forgotten": show.instant(each.by[0].time),
        "until": show.instant(each.until),
        "by": each.by[0].by,
    }


@trash.verb("restore", unlocks=True)
@click.argument("words", nargs=-1, required=True, metavar="SNAPSHOT...")
def restore(run: Run, words: tuple[str, ...]) -> int:
    from vaultd.jobs.trash import bring_back, list_trash
    from vaultd.tree.selectors import select

    with run.vault(writing=True) as session:
        known = {each.snapshot.id: each for each in list_trash(session)}
        forgotten = [each.snapshot for each in known.values()]
        chosen = [known[select(forgotten, word).id] for word in words]
        bring_back(session, chosen)
        if run.json:
            run.console.json([_as_json(each) for each in chosen])
        for each in chosen if not run.json else ():
            snapshot = each.snapshot
            facts = {"id": snapshot.short, "name": snapshot.body.name}
            run.console.answer("trash.restored", when=show.moment(snapshot.body.started), **facts)
        return bring_up(run, session)
