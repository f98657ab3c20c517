"""Take a snapshot of one source: scan, attic, packs, record. The record is the commit point."""

import contextlib
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from vaultd.errors import VaultdError
from vaultd.format.record import SnapshotBody
from vaultd.jobs.alongside import alongside
from vaultd.jobs.session import Session
from vaultd.jobs.sources import own_folders, refuse_overlap
from vaultd.jobs.spool import keep_pages
from vaultd.progress import Progress
from vaultd.store.packer import Packer
from vaultd.tree.attic import update_attic
from vaultd.tree.scan import Scanned, SourceSpec, scan
from vaultd.tree.snapshots import Snapshot, heads, list_snapshots, newest, unread_before
from vaultd.tree.sources import Source
from vaultd.tree.troubles import MOST_KEPT, OLD_UNREADABLE, Trouble, Troubles


@dataclass(frozen=True, slots=True)
class Taken:
    """A snapshot that was made: `notes` are what was left out on purpose, `stored` bytes added to packs."""

    snapshot: Snapshot
    parent: Snapshot | None
    troubles: tuple[Trouble, ...]
    trouble_count: int
    notes: tuple[Trouble, ...]


def take_snapshot(
    session: Session, source: Source, progress: Progress, stop: Callable[[], bool], *, force: bool = False
) -> Taken:
    """Save one source as it stands now.

    Until the record is on the copy nothing has happened but packs that the next run reuses. `stop` is
    asked often; once it says True, KeyboardInterrupt is raised. Raises SourceGone, SourceEmpty (unless
    `force`), NotAFolder, Overlap, and what writing to the copy raises.
    """
    started = time.time_ns()
    vault = session.vault
    refuse_overlap(session, source.body.path)
    snapshots = list_snapshots(vault.journal)
    parents = heads(snapshots, source.body.id)
    parent = newest(snapshots, source.body.id)
    progress.stage("scan")
    memory = vault.folder_memory(source.body.id)
    sink = vault.sink(None if session.away else alongside(session))
    try:
        scanned = scan(
            _spec(source),
            parent.body.root if parent else None,
            sink,
            vault.keys,
            memory,
            started_ns=started,
            progress=progress,
            own=own_folders(session),
            force=force,
            stop=stop,
        )
        troubles = Troubles(scanned.troubles, scanned.notes, scanned.trouble_count)
        attic = update_attic(
            sink,
            vault.keys,
            [(each.body.root, each.body.attic) for each in unread_before(snapshots, parents)],
            scanned.root,
            started,
            failed=lambda path: _tell_unread(troubles, path),
        )
        sink.finish()
    finally:
        sink.abandon()
    body = _body(source, scanned, troubles, sink, parents, attic, started)
    identity, record = vault.journal.append("snapshot", body.to_map())
    # The record is on the copy, so the snapshot is made: what only spares work next time must not call it
    # failed.
    with contextlib.suppress(VaultdError, OSError):
        memory.commit()
        vault.index.write_indexes()
    with contextlib.suppress(VaultdError, OSError):
        keep_pages(session)
    made = Snapshot(identity, record.device, record.seq, body)
    return Taken(made, parent, tuple(troubles.kept), troubles.count, tuple(troubles.notes))


def _tell_unread(troubles: Troubles, path: bytes) -> None:
    """First of all, since of very many troubles the last are only counted, and the next snapshot asks for
    this one.
    """
    troubles.count += 1
    troubles.kept.insert(0, Trouble(path, OLD_UNREADABLE, "attic"))
    del troubles.kept[MOST_KEPT:]


def _spec(source: Source) -> SourceSpec:
    body = source.body
    return SourceSpec(body.name, body.path, exclude=tuple(body.exclude), cross=body.cross)


def _body(
    source: Source,
    scanned: Scanned,
    troubles: Troubles,
    sink: Packer,
    parents: list[Snapshot],
    attic: bytes | None,
    started: int,
) -> SnapshotBody:
    return SnapshotBody(
        attic=attic,
        complete=troubles.count == 0,
        counts=asdict(scanned.counts) | {"stored": sink.stored},
        ended=time.time_ns(),
        errors=[(trouble.path, trouble.error, trouble.detail) for trouble in troubles.kept],
        host=platform.node(),
        kind=source.body.kind,
        name=source.body.name,
        offset=_offset_minutes(started),
        packs=list(sink.packs),
        parents=[parent.id for parent in parents],
        path=source.body.path,
        root=scanned.root,
        source=source.body.id,
        started=started,
    )


def _offset_minutes(now_ns: int) -> int:
    return time.localtime(now_ns / 1e9).tm_gmtoff // 60
