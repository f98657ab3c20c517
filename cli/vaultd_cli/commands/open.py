"""`vaultd open`: attach a new or emptied computer to a vault that exists."""

import os
import shlex
from typing import TYPE_CHECKING

import click

from vaultd_cli.catalogue import say
from vaultd_cli.command import command
from vaultd_cli.run import Run

if TYPE_CHECKING:
    from vaultd.jobs.session import Session


@command("open", unlocks=True)
@click.argument("copy", type=click.Path())
@click.option("--name", default="main", metavar="NAME", help=say("option.copy-name"))
def open_(run: Run, copy: str, name: str) -> None:
    from vaultd.copies.locating import locate
    from vaultd.credentials import Credential
    from vaultd.jobs.init import attach, refuse_second_vault
    from vaultd.jobs.opening import open_vault
    from vaultd.jobs.places import seems_a_vault

    refuse_second_vault(run.home)
    where = locate(copy)
    seems_a_vault(where)

    def try_it(given: Credential) -> Credential:
        attach(run.home, where, given, name, run.key or None)
        return given

    given = run.unlock(try_it)
    with open_vault(run.home, given, run.key or None) as session:
        _tell(run, session, where.url)


def _tell(run: Run, session: "Session", place: str) -> None:
    from vaultd.tree.snapshots import list_snapshots, newest
    from vaultd.tree.sources import list_sources

    snapshots = list_snapshots(session.vault.journal)
    saved = {snapshot.body.source for snapshot in snapshots}
    known = list_sources(session.vault.journal, removed=True)
    sources = [source for source in known if not source.body.removed or source.body.id in saved]
    if run.json:
        names = [source.body.name for source in sources]
        run.console.json({"copy": place, "snapshots": len(snapshots), "sources": names})
        return
    run.console.answer("open.done", place=os.fsencode(place), snapshots=len(snapshots))
    for source in sources:
        last = newest(snapshots, source.body.id)
        if last is None:
            run.console.answer("open.source-empty", name=source.body.name, path=source.body.path)
        else:
            facts = {"name": source.body.name, "path": source.body.path, "time": last.body.started}
            sentence = "open.source-removed" if source.body.removed else "open.source"
            run.console.answer(sentence, **facts, host=last.body.host)
    going_on = [source.body.name for source in sources if not source.body.removed]
    run.console.tell("open.next", name=shlex.quote(going_on[0]) if going_on else "NAME")
