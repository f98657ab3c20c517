"""`vaultd status`: one screen that says how safe everything is, and never more than was measured."""

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from vaultd_cli import coverage, incidents, others, show, watched
from vaultd_cli.catalogue import say
from vaultd_cli.command import command
from vaultd_cli.commands.source import warn_of_one_disk
from vaultd_cli.console import Column, Inked, named
from vaultd_cli.failure import explain
from vaultd_cli.metrics import lines_of
from vaultd_cli.others import warn_of_memory
from vaultd_cli.run import Run
from vaultd_cli.running import Running, running, since

if TYPE_CHECKING:
    from vaultd.jobs.status import CopyStatus, SourceStatus, Status

_NOT_ALL_SAFE = 3
_EVERY = 2.0
# Days: a disk can be bought in that time.
_SOON = 90
# ECMA-48: to the first line, and empty the screen.
_HOME_AND_CLEAR = "\x1b[H\x1b[2J"


@command("status", unlocks=True)
@click.option("--metrics", is_flag=True, help=say("option.metrics"))
@click.option("--watch", is_flag=True, help=say("option.watch"))
def status(run: Run, metrics: bool, watch: bool) -> int:
    while watch:
        sys.stdout.write(_HOME_AND_CLEAR if sys.stdout.isatty() else "\n")
        _look(run, metrics=metrics)
        sys.stdout.flush()
        time.sleep(_EVERY)
    return _look(run, metrics=metrics)


def _look(run: Run, *, metrics: bool) -> int:
    from vaultd.jobs.status import status as look

    with run.vault(away=True) as session:
        found = look(session)
    daemon = running(run)
    if metrics:
        run.console.line(lines_of(found, daemon))
    elif run.json:
        run.console.json(_as_json(found) | {"daemon": daemon.as_json()})
    else:
        _tell(run, found)
        _tell_daemon(run, daemon)
    return 0 if not found.worst and daemon.is_whole else _NOT_ALL_SAFE


def _tell_daemon(run: Run, daemon: Running) -> None:
    """What is not saved yet, as far as anybody watches."""
    if daemon.paused:
        run.console.warn("daemon.paused", until=show.moment(daemon.paused))
    if not daemon.pid:
        run.console.tell("daemon.none")
        return
    run.console.answer("daemon.runs", pid=daemon.pid)
    for each in daemon.sources:
        if each["waiting"]:
            when = show.moment(since(each))
            run.console.answer("status.waits", name=each["name"], folders=each["waiting"], since=when)
        watched.tell(run, each)


def _tell(run: Run, found: "Status") -> None:
    columns = [
        Column("column.name"),
        Column("column.level"),
        Column("column.last"),
        Column("column.files", right=True),
    ]
    columns += [Column("column.size", right=True), Column("column.path")]
    if found.sources:
        run.console.table(columns, [_row(each) for each in found.sources])
    else:
        run.console.tell("source.none")
    for copy in found.copies:
        _tell_copy(run, found, copy)
    _tell_level(run, found)
    for each in found.sources:
        for key in _worries(each):
            run.console.warn(key, name=each.source.body.name, path=each.source.body.path)
        if each.beside:
            warn_of_one_disk(run, each.source, each.beside, copies=len(found.copies))
    if found.captured:
        run.console.warn("status.captured", count=found.captured)
    if found.troubles:
        run.console.warn("status.troubles", count=found.troubles)
    _tell_incidents(run, found)
    if found.notices:
        run.console.warn("status.notices", count=found.notices)
    for word in found.unknown:
        run.console.warn("check.unknown", what=word)


def _tell_incidents(run: Run, found: "Status") -> None:
    names = {each.source.body.id: each.source.body.name for each in found.sources}
    for incident in found.incidents:
        what = incidents.title(incident, names.get(incident.source, ""))
        run.console.warn("status.incident", what=what, id=incident.short)


def _tell_copy(run: Run, found: "Status", copy: "CopyStatus") -> None:
    from vaultd.jobs.places import folder_of

    facts = {"label": copy.place.label, "url": copy.place.url}
    if copy.error is not None or copy.space is None:
        why = run.why_away(copy.place, copy.error) if copy.error else ""
        run.console.warn("status.copy-away", **facts, why=why)
    elif copy.behind:
        run.console.warn("status.copy-behind", **facts, files=copy.behind, free=copy.space.free)
    elif found.used_is_behind and copy.place != found.used:
        run.console.answer("status.copy-whole", **facts, free=copy.space.free)
    else:
        amount = {"stored": found.stored, "packs": found.packs, "snapshots": found.snapshots}
        run.console.answer("status.copy", **facts, free=copy.space.free, **amount)
    if copy.error is None:
        read, drill = coverage.read_back(copy.unread, copy.read_since), coverage.drill(copy.drilled)
        run.console.answer("status.copy-read", label=copy.place.label, read=read, drill=drill)
        if copy.full_in is not None and copy.full_in < _SOON:
            run.console.warn("status.full-in", label=copy.place.label, days=copy.full_in)
        if folder_of(copy.place) is None:
            run.console.tell("status.copy-remote", label=copy.place.label)
    if copy.parity is not None and not copy.exposed:
        run.console.answer("status.parity", label=copy.place.label, packs=copy.parity.packs)
    elif copy.exposed:
        run.console.warn("status.exposed", label=copy.place.label, packs=copy.exposed)


def _tell_level(run: Run, found: "Status") -> None:
    """Why nothing is safer than it is, where the copies' own lines do not say so."""
    warn_of_memory(run, [copy.place for copy in found.copies])
    if len(found.copies) == 1:
        run.console.warn("status.one-copy")
    elif found.highest == "saved" and not found.captured and not any(copy.in_memory for copy in found.copies):
        run.console.warn("status.one-place")
    elif found.snapshots and found.level != found.highest and all(_is_whole(copy) for copy in found.copies):
        run.console.warn("status.not-read-back")


def _is_whole(copy: "CopyStatus") -> bool:
    return copy.error is None and not copy.behind


def _row(each: "SourceStatus") -> list[str]:
    body, last = each.source.body, each.newest
    if last is None:
        return [show.text(body.name), Inked(say("level.none"), "red"), "-", "-", "-", show.name(body.path)]
    level = say("level.partial") if not last.body.complete else say(f"level.{each.level}")
    counts = last.body.counts
    numbers = [show.count(counts.get("files", 0)), show.size(counts.get("bytes", 0))]
    ink = "green" if last.body.complete else "yellow"
    return [
        show.text(body.name),
        Inked(level, ink),
        show.moment(last.body.started),
        *numbers,
        show.name(body.path),
    ]


def _worries(each: "SourceStatus") -> list[str]:
    worries = []
    if each.newest is None and each.mine:
        worries.append("status.never-saved")
    if each.mine and not each.there:
        worries.append("status.gone")
    if len(each.heads) > 1:
        worries.append("status.diverged")
    return worries


def _as_json(found: "Status") -> dict[str, Any]:
    return {
        "vault": found.vault_id.hex(),
        "copies": [_copy_as_json(copy) for copy in found.copies],
        "packs": found.packs,
        "bytes": found.stored,
        "level": found.level,
        "highest_level": found.highest,
        "captured": found.captured,
        "snapshots": found.snapshots,
        "sources": [_source_as_json(each) for each in found.sources],
        "troubles": found.troubles,
        "unknown": list(found.unknown),
        "notices": found.notices,
        "incidents": [each.id.hex() for each in found.incidents],
        "as_safe_as_asked": not found.worst,
    }


def _copy_as_json(copy: "CopyStatus") -> dict[str, Any]:
    space, error = copy.space, copy.error
    return {
        "label": copy.place.label,
        "url": copy.place.url,
        "reachable": error is None,
        "error": explain(error).as_json() if error else None,
        "behind": None if error else copy.behind,
        "parity": others.coverage_as_json(copy.parity),
        "in_memory": copy.in_memory,
        "free": space.free if space else None,
        "total": space.total if space else None,
        "full_in_days": copy.full_in,
        **coverage.as_json(None if error else copy.unread, copy.read_since, copy.drilled),
    }


def _source_as_json(each: "SourceStatus") -> dict[str, Any]:
    body, last = each.source.body, each.newest
    return {
        "name": body.name,
        "kind": body.kind,
        **named("path", body.path),
        "here": each.mine,
        "there": each.there,
        "level": each.level,
        "complete": last.body.complete if last else None,
        "last": show.instant(last.body.started) if last else None,
        "snapshot": last.id.hex() if last else None,
        "heads": [head.id.hex() for head in each.heads],
        "counts": last.body.counts if last else None,
        "same_disk_as_copy": bool(each.beside),
    }
