"""`vaultd trash`: snapshots that were forgotten, and how to have them back."""

import time
from typing import TYPE_CHECKING, Any

import click

from vaultd_cli import show
from vaultd_cli.catalogue import say
from vaultd_cli.command import Group
from vaultd_cli.console import Column, named
from vaultd_cli.others import bring_up
from vaultd_cli.run import Run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vaultd.jobs.trash import Forgotten
    from vaultd.tree.attic_removals import Removal

trash = Group("trash")

_HEADS = ("snapshots.id", "snapshots.time", "snapshots.source", "trash.since", "trash.until", "trash.by")


@trash.verb("list", unlocks=True)
@click.option("--all", "everything", is_flag=True, help=say("option.all-trash"))
def list_(run: Run, everything: bool) -> None:
    from vaultd.jobs.trash import list_removed, list_trash

    with run.vault(away=True) as session:
        found = [each for each in list_trash(session) if everything or each.until > time.time_ns()]
        removed = [each for each in list_removed(session) if everything or each.until > time.time_ns()]
    if run.json:
        run.console.json([*map(_as_json, found), *map(_removed_as_json, removed)])
    elif not found and not removed:
        run.console.tell("trash.none")
    elif found:
        run.console.table([Column(head) for head in _HEADS], [_row(each) for each in found])
    for each in removed if not run.json else ():
        facts = {"id": each.short, "paths": tuple(each.body.paths), "name": each.name}
        run.console.answer(
            "trash.removed", when=show.moment(each.time), until=show.moment(each.until), **facts
        )


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


def _removed_as_json(each: "Removal") -> dict[str, Any]:
    return {
        "id": each.id.hex(),
        "source": each.name,
        "paths": [named("path", path) for path in each.body.paths],
        "forgotten": show.instant(each.time),
        "until": show.instant(each.until),
        "by": "owner",
    }


@trash.verb("restore", unlocks=True)
@click.argument("words", nargs=-1, required=True, metavar="SNAPSHOT...")
def restore(run: Run, words: tuple[str, ...]) -> int:
    from vaultd.jobs.trash import bring_back, list_removed, list_trash
    from vaultd.tree.selectors import select

    with run.vault(writing=True) as session:
        known = {each.snapshot.id: each for each in list_trash(session)}
        forgotten = [each.snapshot for each in known.values()]
        removals = [each for each in list_removed(session) if each.short in words]
        rest = [word for word in words if word not in {each.short for each in removals}]
        chosen = [known[select(forgotten, word).id] for word in rest]
        bring_back(session, chosen, removals)
        if run.json:
            run.console.json([*map(_as_json, chosen), *map(_removed_as_json, removals)])
        else:
            _tell(run, chosen, removals)
        return bring_up(run, session)


def _tell(run: Run, chosen: "Sequence[Forgotten]", removals: "Sequence[Removal]") -> None:
    for each in chosen:
        snapshot = each.snapshot
        facts = {"id": snapshot.short, "name": snapshot.body.name}
        run.console.answer("trash.restored", when=show.moment(snapshot.body.started), **facts)
    for removal in removals:
        run.console.answer("trash.back", paths=tuple(removal.body.paths), name=removal.name)
