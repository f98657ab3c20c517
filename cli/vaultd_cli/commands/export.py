"""`vaultd export`: let files leave the vault, as a tar, a zip or a capsule."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vaultd_cli import ask
from vaultd_cli.amounts import size
from vaultd_cli.catalogue import say
from vaultd_cli.command import command
from vaultd_cli.complete import from_local_state
from vaultd_cli.known import selectors
from vaultd_cli.run import Run

if TYPE_CHECKING:
    from vaultd.credentials import Passphrase
    from vaultd.jobs.restoration import Restored
    from vaultd.jobs.session import Session
    from vaultd_cli.chosen import Chosen

_FORMATS = ("tar", "zip", "capsule")


@command("export", unlocks=True)
@click.argument("selector", metavar="SNAPSHOT[:PATH]", shell_complete=from_local_state(selectors))
@click.argument("target", type=click.Path())
@click.option("--format", "form", type=click.Choice(_FORMATS), help=say("option.export-format"))
@click.option("--split", metavar="SIZE", callback=size, help=say("option.export-split"))
@click.option("--deleted", is_flag=True, help=say("option.restore-deleted"))
@click.option(
    "--new-passphrase-file", metavar="FILE", type=click.Path(), help=say("option.capsule-passphrase-file")
)
def export(
    run: Run,
    selector: str,
    target: str,
    form: str | None,
    split: int | None,
    deleted: bool,
    new_passphrase_file: str | None,
) -> int:
    from vaultd.jobs.export import CAPSULE
    from vaultd_cli.chosen import Damages, choose
    from vaultd_cli.exported import exit_code, tell

    form = _checked(form, target, split)
    master, passphrase = b"", None
    if form == CAPSULE:
        master, passphrase = _secrets(run, new_passphrase_file)
    with run.vault() as session:
        damages = Damages(run, session)
        _refuse_inside(session, target)
        chosen = choose(session, selector)
        told = _write(run, session, chosen, Path(target), form, deleted, master, passphrase, split)
    tell(run, told, os.fsencode(target), form, master, split)
    return exit_code(told) or damages.code


def _checked(form: str | None, target: str, split: int | None) -> str:
    """The format. What must be refused is refused before anybody is asked for a passphrase."""
    from vaultd.errors import BadUsage
    from vaultd.jobs.capsule_parts import refuse_split
    from vaultd.jobs.export import CAPSULE, form_of
    from vaultd.jobs.outgoing import refuse_taken

    form = form_of(form, target)
    if split is not None:
        if form != CAPSULE:
            raise BadUsage("split-format")
        refuse_split(split)
    refuse_taken(Path(target), folder=form == CAPSULE)
    return form


def _secrets(run: Run, path: str | None) -> "tuple[bytes, Passphrase]":
    from vaultd.errors import BadUsage
    from vaultd.format.keys import new_master
    from vaultd.hardening import keep_memory_private

    keep_memory_private()
    if path:
        return new_master(), ask.new_passphrase_from_file(run.console, path)
    if not run.may_ask:
        raise BadUsage("capsule-passphrase")
    run.console.tell("export.capsule-passphrase")
    return new_master(), ask.new_passphrase(run.console)


def _refuse_inside(session: "Session", target: str) -> None:
    """What lies in a copy's folder is the copy's."""
    from vaultd.jobs.sources import refuse_overlap

    refuse_overlap(session, os.path.realpath(os.fsencode(target)))


def _write(
    run: Run,
    session: "Session",
    chosen: "Chosen",
    target: Path,
    form: str,
    deleted: bool,
    master: bytes,
    passphrase: "Passphrase | None",
    split: int | None,
) -> "Restored":
    """Raises KeyboardInterrupt where somebody asked to stop, and then nothing is left."""
    from vaultd.jobs.capsule import Sealing, create_capsule
    from vaultd.jobs.export import export as execute
    from vaultd_cli.stopping import stop_when_asked

    path = chosen.lookup_deleted() if deleted else chosen.lookup()[0]
    with run.progress() as progress, stop_when_asked() as stop:
        if passphrase is None:
            return execute(chosen.view, path, target, form, progress, stop, deleted=deleted)
        what = Sealing(chosen.snapshot, chosen.view, path, master, passphrase, deleted, split)
        return create_capsule(session, what, target, progress, stop)
