"""`vaultd init`: make a vault, show its recovery code, and see that it was written down."""

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vaultd_cli import ask, show
from vaultd_cli.catalogue import language, say
from vaultd_cli.command import command
from vaultd_cli.run import Run

if TYPE_CHECKING:
    from vaultd.copies.locating import Location
    from vaultd.credentials import Passphrase
    from vaultd.jobs.sources import Wanted

# Words that are asked back: enough to see that the code is on paper, few enough not to be typed from the
# screen.
_ASKED_BACK = 3
_PER_LINE = 4


@command("init")
@click.argument("copy", required=False, type=click.Path())
@click.option("--name", default="main", metavar="NAME", help=say("option.copy-name"))
@click.option("--second", type=click.Path(), metavar="PLACE", help=say("option.init-second"))
@click.option("--kdf", type=click.Choice(("standard", "strong")), default="standard", help=say("option.kdf"))
@click.option("--yes", is_flag=True, help=say("option.init-yes"))
def init(run: Run, copy: str | None, name: str, second: str | None, kdf: str, yes: bool) -> int:
    from vaultd.errors import NoTerminal
    from vaultd.format.keys import new_master
    from vaultd.hardening import keep_memory_private
    from vaultd.jobs.init import create_vault, refuse_second_vault
    from vaultd_cli import others

    if not (run.may_ask or (copy and yes)):
        raise NoTerminal
    refuse_second_vault(run.home)
    keep_memory_private()
    place, other, source = _answers(copy, second)
    passphrase = _passphrase(run)
    master = new_master()
    words = _show_code(run, master)
    if not yes:
        _ask_back(run, words)
    reached = create_vault(run.home, place, master, passphrase, name, strong=kdf == "strong", second=other)
    _tell(run, place, other, words)
    if source is not None:
        return _first_snapshot(run, passphrase, source)
    run.console.tell("init.next")
    others.tell(run, reached)
    return others.exit_code(reached)


def _answers(copy: str | None, second: str | None) -> "tuple[Location, Location | None, Wanted | None]":
    """The two places and the folder, asked for where nothing was given. What must be refused is refused
    here: it costs nobody a passphrase and a code on paper.
    """
    from vaultd.copies.locating import locate
    from vaultd.jobs.init import refuse_place, refuse_second_place

    place = locate(copy or ask.line(say("init.where")))
    refuse_place(place)
    given = second or ("" if copy else ask.line(say("init.second")))
    other = locate(given) if given else None
    if other is not None:
        refuse_second_place(place, other)
    folder = "" if copy else ask.line(say("init.folder"))
    return place, other, _wanted(folder) if folder else None


def _passphrase(run: Run) -> "Passphrase":
    from vaultd.credentials import Passphrase
    from vaultd.errors import BadUsage

    given = run.credential()
    if given is None:
        return ask.new_passphrase(run.console)
    if not isinstance(given, Passphrase):
        raise BadUsage("init-credential")
    return ask.refuse_short(given)


def _show_code(run: Run, master: bytes) -> list[str]:
    from vaultd.format.words import CHINESE, ENGLISH, recovery_words

    words = recovery_words(master, CHINESE if language() == "zh" else ENGLISH)
    if not run.json:
        run.console.answer("init.code")
        show_words(run, words)
        run.console.answer("init.code-keep")
    return words


def show_words(run: Run, words: list[str]) -> None:
    """The 24 words with their numbers, in columns."""
    cells = [f"{number:>2}. {word}" for number, word in enumerate(words, 1)]
    wide = max(map(show.width, cells)) + 3
    for first in range(0, len(cells), _PER_LINE):
        row = cells[first : first + _PER_LINE]
        run.console.line("   " + "".join(show.pad(cell, wide) for cell in row).rstrip())


def _ask_back(run: Run, words: list[str]) -> None:
    from vaultd.format.words import same_word

    for place in sorted(secrets.SystemRandom().sample(range(len(words)), _ASKED_BACK)):
        while not same_word(ask.line(say("init.ask-word", number=place + 1)), words[place]):
            run.console.warn("init.other-word", number=place + 1)


def _tell(run: Run, place: "Location", second: "Location | None", words: list[str]) -> None:
    if run.json:
        document = {"copy": place.url, "second": second.url if second else None}
        run.console.json(document | {"home": str(run.home.config), "recovery_code": words})
        return
    run.console.answer("init.done", place=os.fsencode(place.url))
    if second:
        run.console.answer("init.done-second", place=os.fsencode(second.url))
    _warn_of_one_place(run)


def _warn_of_one_place(run: Run) -> None:
    from vaultd.jobs.level import SAVED, highest, in_memory
    from vaultd_cli.others import warn_of_memory

    copies = run.settings.copies
    warn_of_memory(run, copies)
    if len(copies) > 1 and highest(run.settings) == SAVED and not any(map(in_memory, copies)):
        run.console.warn("status.one-place")


def _wanted(folder: str) -> "Wanted":
    """Raises NotAFolder."""
    from vaultd.jobs.sources import Wanted, check_wanted

    wanted = Wanted(os.fsencode(Path(folder).expanduser().absolute()))
    check_wanted(wanted)
    return wanted


def _first_snapshot(run: Run, passphrase: "Passphrase", wanted: "Wanted") -> int:
    from vaultd.jobs.opening import open_for_writing
    from vaultd.jobs.sources import add_source
    from vaultd_cli.commands.snapshot import take
    from vaultd_cli.commands.source import warn_of_disks

    with open_for_writing(run.home, passphrase) as session:
        source = add_source(session, wanted)
        warn_of_disks(run, session, source)
        return take(run, session, [source], force=False)
