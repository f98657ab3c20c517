"""`vaultd snapshots`: the states that can be looked into and restored."""

from typing import TYPE_CHECKING, Any

import click

from vaultd_cli import show
from vaultd_cli.catalogue import say
from vaultd_cli.command import command
from vaultd_cli.complete import from_local_state
from vaultd_cli.console import Column, Inked, named
from vaultd_cli.known import sources
from vaultd_cli.run import Run

if TYPE_CHECKING:
    from vaultd.jobs.session import Session
    from vaultd.tree.snapshots import Snapshot

_COLUMNS = [
    Column("snapshots.id"),
    Column("snapshots.time"),
    Column("snapshots.source"),
    Column("snapshots.host"),
    Column("snapshots.files", right=True),
    Column("snapshots.size", right=True),
    Column("snapshots.stored", right=True),
    Column("snapshots.state"),
]


@command("snapshots", unlocks=True)
@click.argument("source", required=False, shell_complete=from_local_state(sources))
def snapshots(run: Run, source: str | None) -> int:
    from vaultd_cli.chosen import Damages

    with run.vault(away=True) as session:
        damages = Damages(run, session)
        found = _chosen(session, source)
    if run.json:
        run.console.json([_as_json(snapshot) for snapshot in found])
    elif found:
        run.console.table(_COLUMNS, [_row(snapshot) for snapshot in found])
    else:
        run.console.tell("snapshots.none")
    return damages.code


def _chosen(session: "Session", words: str | None) -> "list[Snapshot]":
    """Newest last. A source that was removed or renamed is still found, by the name that it has had."""
    from vaultd.errors import NoSuchSource
    from vaultd.tree.snapshots import list_snapshots
    from vaultd.tree.sources import find_source, list_sources

    found = list_snapshots(session.vault.journal)
    if words is None:
        return found
    try:
        chosen = find_source(list_sources(session.vault.journal, removed=True), words).body.id
    except NoSuchSource:
        chosen = next((each.body.source for each in reversed(found) if each.body.name == words), b"")
        if not chosen:
            raise
    return [snapshot for snapshot in found if snapshot.body.source == chosen]


def _row(snapshot: "Snapshot") -> list[str]:
    body = snapshot.body
    state = "" if body.complete else Inked(say("snapshots.partial"), "yellow")
    return [
        snapshot.short,
        show.moment(body.started),
        show.text(body.name),
        show.text(body.host),
        show.count(body.counts.get("files", 0)),
        show.size(body.counts.get("bytes", 0)),
        show.size(body.counts.get("stored", 0)),
        state,
    ]


def _as_json(snapshot: "Snapshot") -> dict[str, Any]:
    body = snapshot.body
    return {
        "id": snapshot.id.hex(),
        "short_id": snapshot.short,
        "device": snapshot.device.hex(),
        "seq": snapshot.seq,
        "source": body.name,
        "source_id": body.source.hex(),
        "kind": body.kind,
        **named("path", body.path),
        "host": body.host,
        "started": show.instant(body.started),
        "ended": show.instant(body.ended),
        "utc_offset_minutes": body.offset,
        "complete": body.complete,
        "errors": [named("path", path) | {"error": e, "detail": detail} for path, e, detail in body.errors],
        "counts": body.counts,
        "parents": [parent.hex() for parent in body.parents],
        "packs": [pack.hex() for pack in body.packs],
    }
