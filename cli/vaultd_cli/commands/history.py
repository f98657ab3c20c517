"""`vaultd history`: what stood at one path, from when to when, and when it went missing."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from vaultd_cli import incidents, show
from vaultd_cli.catalogue import say
from vaultd_cli.command import command
from vaultd_cli.complete import from_local_state
from vaultd_cli.console import Column
from vaultd_cli.known import selectors
from vaultd_cli.run import Run

if TYPE_CHECKING:
    from vaultd.format.entry import Entry
    from vaultd.jobs.session import Session
    from vaultd.tree.history import Stretch
    from vaultd.tree.incidents import Incident
    from vaultd.tree.snapshots import Snapshot
    from vaultd_cli.chosen import Damages

_NEVER_THERE = 1
_HEADS = (
    Column("history.from"),
    Column("history.until"),
    Column("history.what"),
    Column("snapshots.size", right=True),
    Column("history.snapshots"),
)


@command("history", unlocks=True)
@click.argument("path", metavar="SOURCE:PATH|PATH", shell_complete=from_local_state(selectors))
def history(run: Run, path: str) -> int:
    from vaultd_cli.chosen import Damages

    with run.vault(away=True) as session:
        damages = Damages(run, session)
        line, within, found = _found(session, path, damages)
        guarded = _incidents_in(session, line)
        if run.json:
            run.console.json_lines(
                _document(session, within, each) | {"incident": _id(guarded.get(each.first.id))}
                for each in found
            )
        else:
            run.console.table(list(_HEADS), [_row(stretch, line) for stretch in found])
            _tell_incidents(run, guarded, found)
    return damages.code or (0 if found else _NEVER_THERE)


def _incidents_in(session: "Session", line: "Sequence[Snapshot]") -> "dict[bytes, Incident]":
    """By the ids of the snapshots that show one: those after the last good one, up to the last that it was
    found in.
    """
    from vaultd.tree.incidents import list_incidents

    places = {snapshot.id: position for position, snapshot in enumerate(line)}
    found: dict[bytes, Incident] = {}
    for incident in list_incidents(session.vault.journal):
        shown = [places[each] for each in incident.tripped if each in places]
        if incident.good in places and shown:
            for position in range(places[incident.good] + 1, max(shown) + 1):
                found[line[position].id] = incident
    return found


def _tell_incidents(run: Run, guarded: "dict[bytes, Incident]", found: "list[Stretch]") -> None:
    """What of this was changed by something that looked like a wipe."""
    changed = {stretch.first.id: stretch for stretch in found[1:]}
    met = {guarded[each].id: guarded[each] for each in changed if each in guarded}
    for incident in met.values():
        name = found[-1].last.body.name
        what, when = incidents.title(incident, name), show.moment(incident.time)
        run.console.answer("history.incident", id=incident.short, when=when, what=what)


def _id(incident: "Incident | None") -> str | None:
    return incident.id.hex() if incident is not None else None


def _found(
    session: "Session", path: str, damages: "Damages"
) -> "tuple[list[Snapshot], bytes, list[Stretch]]":
    """The source's snapshots, the path in it, and what stood there. Raises NoSuchPath: nothing ever did."""
    from vaultd.errors import NoSuchPath
    from vaultd.tree.folder import Fresh
    from vaultd.tree.history import history as history_of
    from vaultd.tree.view import Broken

    line, paths = _meant(session, path)
    for within in paths:
        found = history_of(
            Fresh(session.blobs or session.vault),
            line,
            within,
            lambda _, error, within=within: damages.warn(Broken(within, error)),  # type: ignore[misc]
        )
        if any(stretch.entry is not None for stretch in found):
            first = next(number for number, stretch in enumerate(found) if stretch.entry is not None)
            return line, within, found[first:]
    raise NoSuchPath(paths[0])


def _meant(session: "Session", words: str) -> "tuple[list[Snapshot], tuple[bytes, ...]]":
    """The snapshots of the source, and the paths in it that the words may mean: after its name, or where it
    stands on this computer.
    """
    from vaultd.errors import NoSuchPath
    from vaultd.tree.snapshots import in_order, list_snapshots
    from vaultd_cli.chosen import paths_of

    lines: dict[bytes, list[Snapshot]] = {}
    for snapshot in in_order(list_snapshots(session.vault.journal)):
        lines.setdefault(snapshot.body.source, []).append(snapshot)
    name, colon, rest = words.partition(":")
    for line in lines.values():
        if colon and line[-1].body.name == name:
            return line, paths_of(rest)
    above, last = os.path.split(os.path.normpath(words))
    place = os.fsencode(os.path.join(os.path.realpath(above), last))
    roots = {os.path.join(line[-1].body.path, b""): line for line in lines.values()}
    root = max((root for root in roots if (place + b"/").startswith(root)), key=len, default=None)
    if root is None:
        raise NoSuchPath(os.fsencode(words))
    return roots[root], (place[len(root) :],)


def _row(stretch: "Stretch", line: Sequence["Snapshot"]) -> list[str]:
    from vaultd.format.entry import FILE

    entry, first, last = stretch.entry, stretch.first, stretch.last
    until = say("history.now") if last.id == line[-1].id else show.moment(last.body.started)
    ids = first.short if first.id == last.id else f"{first.short}..{last.short}"
    size = show.size(entry.size) if entry is not None and entry.kind == FILE else ""
    return [show.moment(first.body.started), until, _what(entry), size, ids]


def _what(entry: "Entry | None") -> str:
    from vaultd.format.entry import FILE, FOLDER

    if entry is None:
        return say("history.missing")
    if entry.kind == FOLDER:
        return say("history.folder")
    return say("history.file") if entry.kind == FILE else say("history.other")


def _document(session: "Session", path: bytes, stretch: "Stretch") -> dict[str, object]:
    from vaultd_cli.chosen import view_of
    from vaultd_cli.console import named
    from vaultd_cli.entries import as_json

    first, last = stretch.first, stretch.last
    there = stretch.entry is not None
    what = as_json(view_of(session, last), path, stretch.entry) if stretch.entry else named("path", path)
    return {
        "source": last.body.name,
        "there": there,
        "first_snapshot": first.id.hex(),
        "first_seen": show.instant(first.body.started),
        "last_snapshot": last.id.hex(),
        "last_seen": show.instant(last.body.started),
        **what,
    }
