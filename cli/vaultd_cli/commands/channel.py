"""`vaultd channel`: the ways to tell the owner something."""

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from vaultd_cli import show
from vaultd_cli.catalogue import say
from vaultd_cli.command import Group
from vaultd_cli.console import Column
from vaultd_cli.run import Run

if TYPE_CHECKING:
    from vaultd.settings import Channel

channel = Group("channel")


@channel.verb("add")
@click.argument("name")
@click.option("--url-file", type=click.Path(), metavar="FILE", help=say("option.url-file"))
def add(run: Run, name: str, url_file: str | None) -> int:
    from vaultd.daemon.sending import is_channel
    from vaultd.settings import Channel, save

    settings = run.settings
    if not name or any(each.name == name for each in settings.channels):
        raise click.BadParameter(say("channel.taken"), param_hint="NAME")
    url = _url(run, url_file)
    if not is_channel(url):
        raise click.BadParameter(say("channel.bad-url"), param_hint="URL")
    made = Channel(name, url)
    save(run.home, replace(settings, channels=(*settings.channels, made)))
    run.console.answer("channel.added", name=name)
    return _try(run, made)


def _url(run: Run, url_file: str | None) -> str:
    """Never an argument: every user of the computer can read those, and a URL lets its reader in."""
    if url_file is not None:
        with open(url_file, encoding="utf-8") as file:
            return file.read().strip()
    if sys.stdin.isatty() and not run.json:
        return str(click.prompt(say("channel.url"), hide_input=True, err=True)).strip()
    return sys.stdin.readline().strip()


@channel.verb("list")
def list_(run: Run) -> None:
    channels = run.settings.channels
    if run.json:
        run.console.json([{"name": each.name, "kind": _kind(each)} for each in channels])
    elif not channels:
        run.console.tell("channel.none")
    else:
        heads = [Column("column.name"), Column("column.kind")]
        run.console.table(heads, [[show.text(each.name), show.text(_kind(each))] for each in channels])


def _kind(each: "Channel") -> str:
    return each.url.partition(":")[0]


@channel.verb("remove")
@click.argument("name")
def remove(run: Run, name: str) -> None:
    from vaultd.settings import save

    found = _find(run, name)
    left = tuple(each for each in run.settings.channels if each != found)
    save(run.home, replace(run.settings, channels=left))
    run.console.answer("channel.removed", name=name)


@channel.verb("test")
@click.argument("name")
def test(run: Run, name: str) -> int:
    return _try(run, _find(run, name))


def _find(run: Run, name: str) -> "Channel":
    from vaultd.errors import NoSuchChannel

    found = next((each for each in run.settings.channels if each.name == name), None)
    if found is None:
        raise NoSuchChannel(name)
    return found


def _try(run: Run, each: "Channel") -> int:
    from vaultd.daemon.sending import send

    sent = send(each, say("channel.test-title"), say("channel.test-text"))
    if run.json:
        run.console.json({"name": each.name, "taken": sent.taken, "answer": sent.answer})
    elif sent.taken:
        run.console.answer("channel.took", name=each.name)
    else:
        run.console.warn("channel.took-not", name=each.name, answer=sent.answer)
    return 0 if sent.taken else 1
