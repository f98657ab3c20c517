"""`vaultd forget-deleted`: let go of what is no longer there, by its owner's word alone."""

import click

from vaultd.errors import BadUsage
from vaultd_cli.catalogue import say
from vaultd_cli.command import command
from vaultd_cli.others import bring_up
from vaultd_cli.run import Run


@command("forget-deleted", unlocks=True)
@click.argument("words", nargs=-1, required=True, metavar="SOURCE:PATH...")
@click.option("--yes", metavar="SOURCE", help=say("option.yes-deleted"))
def forget_deleted(run: Run, words: tuple[str, ...], yes: str | None) -> int:
    from vaultd.jobs.forget_deleted import forget_deleted as let_go
    from vaultd.tree.sources import find_source, list_sources
    from vaultd_cli import ask
    from vaultd_cli.chosen import paths_of

    names, paths = zip(*(word.partition(":")[::2] for word in words), strict=True)
    if len(set(names)) > 1 or not all(paths):
        raise BadUsage("forget-deleted")
    name = names[0]
    with run.vault(writing=True) as session:
        source = find_source(list_sources(session.vault.journal, removed=True), name)
        name = source.body.name
        if yes != name and not (run.may_ask and ask.line(say("forget-deleted.type", name=name)) == name):
            raise BadUsage("forget-deleted-yes", name)
        identity = let_go(session, source, [paths_of(path)[0] for path in paths])
        if run.json:
            run.console.json({"id": identity.hex(), "source": name, "paths": list(paths)})
        else:
            run.console.answer("forget-deleted.done", id=identity.hex()[:8], name=name, paths=paths)
        return bring_up(run, session)
