"""`vaultd guard`: what the guard goes by, what it found, and that its owner has looked."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from vaultd_cli import incidents, show
from vaultd_cli.catalogue import say
from vaultd_cli.command import Group
from vaultd_cli.console import Column
from vaultd_cli.others import bring_up
from vaultd_cli.run import Run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vaultd.jobs.session import Session
    from vaultd.tree.incidents import Incident
    from vaultd.tree.snapshots import Snapshot
    from vaultd.tree.sources import Source

guard = Group("guard", meant={"list": "show", "status": "show", "unhold": "accept"})
_NOT_ALL_SAFE = 3


@guard.verb("show", unlocks=True)
@click.argument("source", required=False)
def show_(run: Run, source: str | None) -> int:
    from vaultd.tree.incidents import open_incidents
    from vaultd.tree.sources import find_source, list_sources

    with run.vault(away=True) as session:
        known = list_sources(session.vault.journal)
        chosen = [find_source(known, source)] if source else known
        looks = [_look(session, each) for each in chosen]
        is_open = bool(open_incidents(session.vault.journal))
    if run.json:
        rules = [{"rule": rule, "limits": facts} for rule, facts in _limits().items()]
        run.console.json({"rules": rules, "sources": [_as_json(each) for each in looks]})
    else:
        rows = [[rule, say(f"limit.{rule}", **facts)] for rule, facts in _limits().items()]
        run.console.table([Column("guard.rule"), Column("guard.limit")], rows)
        for look in looks:
            _tell(run, look)
    return _NOT_ALL_SAFE if is_open else 0


def _limits() -> dict[str, dict[str, int]]:
    """The numbers of each rule."""
    from vaultd.guard import chat, clock, deletion, encryption, shrinking
    from vaultd.guard.trips import DAY

    (_, few), (_, more) = encryption.WINDOWS
    return {
        "deleted": {
            "part": 100 // deletion.DAY_PART,
            "least": deletion.DAY_LEAST,
            "files": deletion.DAY_FILES,
            "bytes_part": 100 // deletion.DAY_BYTES_PART,
            "bytes": deletion.DAY_BYTES,
        },
        "dripped": {"days": deletion.MONTH_DAYS, "part": 100 * deletion.MONTH_PART // deletion.MONTH_OF},
        "emptied": {
            "least": deletion.FOLDER_LEAST,
            "part": 100 * deletion.FOLDER_PART // deletion.FOLDER_OF,
            "chat_part": 100 * deletion.CHAT_PART // deletion.CHAT_OF,
        },
        "chat": {"bytes": chat.STORE_BYTES, "part": 100 * chat.TOTAL_PART // chat.TOTAL_OF},
        "encrypted": {"few": few, "more": more},
        "renamed": {"least": encryption.RENAMED_LEAST, "days": encryption.LEARNING // DAY},
        "shrunk": {
            "files": shrinking.FILES,
            "part": 100 // shrinking.PART,
            "lost": 100 - 100 * shrinking.KEEPS_PART // shrinking.KEEPS_OF,
        },
        "clock": {"days": clock.JUMP // DAY},
    }


@dataclass(frozen=True, slots=True)
class _Look:
    """What the guard knows of one source; until when (ns) it `learns` what is usual there, or None."""

    name: str
    good: "Snapshot | None"
    learns: int | None
    found: "Sequence[Incident]"


def _look(session: "Session", source: "Source") -> _Look:
    from vaultd.guard.encryption import LEARNING
    from vaultd.jobs.incidents import last_good
    from vaultd.tree.incidents import open_incidents
    from vaultd.tree.snapshots import in_order, list_snapshots

    journal = session.vault.journal
    line = in_order(each for each in list_snapshots(journal) if each.body.source == source.body.id)
    found = [each for each in open_incidents(journal) if each.source == source.body.id]
    until = line[0].body.started + LEARNING if line else 0
    is_learning = bool(line) and line[-1].body.started < until
    return _Look(source.body.name, last_good(line, found), until if is_learning else None, found)


def _tell(run: Run, look: _Look) -> None:
    if look.good is None:
        run.console.answer("guard.no-snapshot", name=look.name)
        return
    for incident in look.found:
        what, when = incidents.title(incident, look.name), show.moment(incident.time)
        run.console.answer("guard.open", name=look.name, id=incident.short, when=when, what=what)
    if not look.found:
        run.console.answer("guard.all-well", name=look.name)
    good = look.good
    run.console.answer("guard.last-good", name=look.name, id=good.short, when=show.moment(good.body.started))
    if look.learns is not None:
        run.console.answer("guard.learning", name=look.name, when=show.moment(look.learns))


def _as_json(look: _Look) -> dict[str, Any]:
    return {
        "source": look.name,
        "last_good": look.good.id.hex() if look.good else None,
        "last_good_time": show.instant(look.good.body.started) if look.good else None,
        "learning_until": None if look.learns is None else show.instant(look.learns),
        "incidents": [incidents.as_json(each, look.name) for each in look.found],
    }


@guard.verb("accept", unlocks=True)
@click.argument("word", required=False, metavar="[INCIDENT|SOURCE]")
@click.option("--yes", metavar="NAME", multiple=True, help=say("option.yes-incident"))
def accept(run: Run, word: str | None, yes: tuple[str, ...]) -> int:
    from vaultd.jobs.incidents import accept as end

    with run.vault(writing=True) as session:
        names = incidents.names_of(session)
        chosen = _chosen(session, word)
        for name in dict.fromkeys(names.get(each.source, "") for each in chosen):
            _make_sure(run, name, [each for each in chosen if names.get(each.source) == name], yes)
        end(session, chosen)
        if run.json:
            run.console.json([incidents.as_json(each, names.get(each.source, "")) for each in chosen])
        elif not chosen:
            run.console.tell("guard.nothing")
        for each in chosen if not run.json else ():
            run.console.answer("guard.accepted", id=each.short, name=names.get(each.source, ""))
        return bring_up(run, session) if chosen else 0


def _chosen(session: "Session", word: str | None) -> "list[Incident]":
    from vaultd.jobs.incidents import find_incident
    from vaultd.tree.incidents import open_incidents
    from vaultd.tree.sources import list_sources

    found = open_incidents(session.vault.journal)
    if word is None:
        return found
    ids = {
        each.body.id for each in list_sources(session.vault.journal, removed=True) if each.body.name == word
    }
    if ids:
        return [each for each in found if each.source in ids]
    incident = find_incident(session, word)
    return [incident] if incident.is_open else []


def _make_sure(run: Run, name: str, chosen: "Sequence[Incident]", yes: "Sequence[str]") -> None:
    """Nothing is accepted by a slip of the hand. Raises BadUsage."""
    from vaultd.errors import BadUsage
    from vaultd_cli import ask

    if name in yes:
        return
    if run.may_ask:
        for incident in chosen:
            run.console.warn("guard.held", what=incidents.title(incident, name))
        if ask.line(say("guard.type", name=name)) == name:
            return
    raise BadUsage("accept", name)
