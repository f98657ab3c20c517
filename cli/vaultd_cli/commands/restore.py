"""`vaultd restore`: put what a snapshot holds into a folder, and tell what was not done."""

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from vaultd_cli.catalogue import say
from vaultd_cli.command import command
from vaultd_cli.complete import from_local_state
from vaultd_cli.known import selectors
from vaultd_cli.run import Run

if TYPE_CHECKING:
    from vaultd.jobs.restoration import Options, Plan, Restored
    from vaultd.jobs.session import Session

_OVERWRITE = ("always", "if-changed", "never")


@command("restore", unlocks=True)
@click.argument("selector", metavar="SNAPSHOT[:PATH]", shell_complete=from_local_state(selectors))
@click.option("--target", required=True, metavar="DIR", type=click.Path(), help=say("option.target"))
@click.option("--include", multiple=True, metavar="PATTERN", help=say("option.include"))
@click.option("--exclude", multiple=True, metavar="PATTERN", help=say("option.exclude"))
@click.option("--overwrite", type=click.Choice(_OVERWRITE), default="never", help=say("option.overwrite"))
@click.option("--verify", is_flag=True, help=say("option.verify"))
@click.option("--dry-run", is_flag=True, help=say("option.dry-run"))
@click.option("--deleted", is_flag=True, help=say("option.restore-deleted"))
@click.option("--special", is_flag=True, help=say("option.special"))
@click.option("--numeric-owner", "numeric", is_flag=True, help=say("option.numeric-owner"))
def restore(run: Run, selector: str, target: str, dry_run: bool, **how: Any) -> int:
    from vaultd.jobs.existing import Overwrite
    from vaultd.jobs.restoration import Options
    from vaultd.jobs.sources import own_folders
    from vaultd_cli.chosen import Damages
    from vaultd_cli.restored import plan_code, restored_code, tell_plan, tell_restored

    options = Options(**how | {"overwrite": Overwrite(how["overwrite"])})
    with run.vault() as session:
        damages = Damages(run, session)
        options = replace(options, own=own_folders(session))
        plan = _planned(session, selector, os.fsencode(target), options)
        if dry_run:
            tell_plan(run, plan)
            return plan_code(plan) or damages.code
        restored = _execute(run, session, plan)
    tell_restored(run, plan, restored)
    return restored_code(plan, restored) or damages.code


def _planned(session: "Session", selector: str, target: bytes, options: "Options") -> "Plan":
    from vaultd.jobs.restore import plan_restore
    from vaultd.jobs.sources import refuse_overlap
    from vaultd_cli.chosen import choose

    # What lies in a copy's folder is the copy's: a restore there would fill the disk that must stay as it is.
    refuse_overlap(session, os.path.realpath(target))

    chosen = choose(session, selector)
    path = chosen.lookup_deleted() if options.deleted else chosen.lookup()[0]
    return plan_restore(chosen.view, path, target, options)


def _execute(run: Run, session: "Session", plan: "Plan") -> "Restored":
    """Raises RestoreStopped where somebody asked for it, and what `restore` raises."""
    from vaultd.errors import RestoreStopped
    from vaultd.jobs.restore import restore as execute
    from vaultd_cli.stopping import stop_when_asked

    try:
        with run.progress() as progress, stop_when_asked() as stop:
            return execute(plan, session.vault.keys, progress, stop)
    except KeyboardInterrupt:
        raise RestoreStopped(plan.target) from None
