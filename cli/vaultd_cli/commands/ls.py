"""`vaultd ls`: what a snapshot holds, or what had disappeared by then."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from vaultd_cli import show
from vaultd_cli.catalogue import say
from vaultd_cli.command import command
from vaultd_cli.complete import from_local_state
from vaultd_cli.known import selectors
from vaultd_cli.run import Run

if TYPE_CHECKING:
    from vaultd.tree.view import Broken, Found
    from vaultd_cli.chosen import Chosen, Damages


@command("ls", unlocks=True)
@click.argument("selector", metavar="SNAPSHOT[:PATH]", shell_complete=from_local_state(selectors))
@click.option("--long", "-l", is_flag=True, help=say("option.long"))
@click.option("--recursive", "-R", is_flag=True, help=say("option.recursive"))
@click.option("--deleted", is_flag=True, help=say("option.ls-deleted"))
def ls(run: Run, selector: str, long: bool, recursive: bool, deleted: bool) -> int:
    from vaultd_cli.chosen import Damages, choose

    with run.vault(away=True) as session:
        damages = Damages(run, session)
        chosen = choose(session, selector)
        if deleted:
            path = chosen.lookup_deleted()
            items, within = chosen.view.deleted(path), 0
        else:
            items, within = _standing(chosen, recursive=recursive)
        found = _good(items, damages)
        if run.json:
            run.console.json_lines(_documents(chosen, found))
        elif not _print(run, chosen, found, within, long=long) and not damages.code:
            run.console.tell("ls.none-deleted" if deleted else "ls.empty")
    return damages.code


def _standing(chosen: "Chosen", *, recursive: bool) -> "tuple[Iterator[Found | Broken], int]":
    """What is at and below the path, and how much of each path not to show: one level shows names alone."""
    from vaultd.format.entry import FOLDER
    from vaultd.tree.view import Found

    path, entry = chosen.lookup()
    if entry.kind != FOLDER:
        return iter([Found(path, entry)]), 0
    if recursive:
        return chosen.view.walk(path), 0
    return chosen.view.walk(path, lambda _: False), len(path) + 1 if path else 0


def _good(items: "Iterator[Found | Broken]", damages: "Damages") -> "Iterator[Found]":
    from vaultd.tree.view import Found

    for item in items:
        if isinstance(item, Found):
            yield item
        else:
            damages.warn(item)


def _print(run: Run, chosen: "Chosen", found: "Iterator[Found]", within: int, *, long: bool) -> bool:
    """Whether there was anything to print."""
    from vaultd_cli.entries import LongLines, shown_path

    lines, item = LongLines(chosen.view), None
    for item in found:
        shown = shown_path(item.path[within:], item.entry)
        line = lines.line(item.entry, shown) if long else shown
        run.console.line(line if item.missed is None else f"{show.moment(item.missed)}  {line}")
    return item is not None


def _documents(chosen: "Chosen", found: "Iterator[Found]") -> Iterator[dict[str, object]]:
    from vaultd_cli.entries import as_json

    for item in found:
        missed = {} if item.missed is None else {"missed": show.instant(item.missed)}
        yield as_json(chosen.view, item.path, item.entry) | missed
