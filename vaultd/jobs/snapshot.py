"""Take a snapshot of one source: scan, attic, packs, record. The record is the commit point."""

import contextlib
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from vaultd.errors import VaultdError
from vaultd.format.record import SnapshotBody
from vaultd.jobs.alongside import alongside
from vaultd.jobs.session import Session
from vaultd.jobs.sources import own_folders, refuse_overlap
from vaultd.jobs.spool import keep_pages
from vaultd.progress import Progress
from vaultd.store.journal import Head
from vaultd.store.packer import Packer
from vaultd.store.state import StateLost
from vaultd.store.vault import RememberedFolders
from vaultd.tree.attic import update_attic
from vaultd.tree.attic_removals import list_removals, taken_back, without_removed
from vaultd.tree.compare import count_changes
from vaultd.tree.dirty import EVERYTHING, Dirty
from vaultd.tree.scan import Scanned, SourceSpec, scan
from vaultd.tree.snapshots import Snapshot, every_snapshot, heads, list_snapshots, newest, unread_before
from vaultd.tree.sources import Source
from vaultd.tree.troubles import MOST_KEPT, OLD_UNREADABLE, Trouble, Troubles
from vaultd.tree.view import View


@dataclass(frozen=True, slots=True)
class Taken:
    """A snapshot that was made, or the one before it where that says the same already (`made`): `notes` are
    what was left out on purpose. `linked` and `young` as in `Scanned`.
    """

    snapshot: Snapshot
    parent: Snapshot | None
    troubles: tuple[Trouble, ...]
    trouble_count: int
    notes: tuple[Trouble, ...]
    made: bool
    linked: bool
    young: Dirty


def take_snapshot(
    session: Session,
    source: Source,
    progress: Progress,
    stop: Callable[[], bool],
    *,
    force: bool = False,
    dirty: Dirty = EVERYTHING,
    unless_same: bool = False,
    tags: Sequence[str] = (),
) -> Taken:
    """Save one source as it stands now.

    Until the record is on the copy nothing has happened but packs that the next run reuses. `stop` is
    asked often; once it says True, KeyboardInterrupt is raised. Only `dirty` folders are looked at, and those
    of which the last snapshot could not have all. With `unless_same` none is made that would say what the
    last one does. Raises SourceGone, SourceEmpty (unless `force`), NotAFolder, Overlap, and what writing to
    the copy raises; Missing and Damaged where not all is dirty: then all has to be looked at.
    """
    refuse_overlap(session, source.body.path)
    begun = _Begun.now(session, source)
    progress.stage("scan")
    sink = session.vault.sink(None if session.away else alongside(session))
    try:
        read = begun.read(sink, progress, stop, force=force, dirty=_with_troubled(dirty, begun.parent))
        sink.finish()
    finally:
        sink.abandon()
    body = begun.body(read, sink, tags)
    snapshot = begun.parent if unless_same and not sink.packs else None
    if snapshot is None or len(begun.parents) > 1 or not _says_the_same(body, snapshot.body):
        identity, record = session.vault.journal.append("snapshot", body.to_map(), known=begun.known)
        snapshot = Snapshot(identity, record.device, record.seq, body)
    # The record is on the copy, so the snapshot is made: what only spares work next time must not call it
    # failed.
    with contextlib.suppress(VaultdError, OSError):
        begun.memory.commit()
        session.vault.index.write_indexes()
    with contextlib.suppress(VaultdError, OSError, StateLost):
        keep_pages(session)
    told, made = read.troubles, snapshot is not begun.parent
    seen = (tuple(told.kept), told.count, tuple(told.notes))
    return Taken(snapshot, begun.parent, *seen, made, read.scanned.linked, read.scanned.young)


@dataclass(frozen=True, slots=True)
class _Read:
    """What a source was found to hold."""

    scanned: Scanned
    troubles: Troubles
    attic: bytes | None


@dataclass(frozen=True, slots=True)
class _Begun:
    """A snapshot that is being made: what it goes on from."""

    session: Session
    source: Source
    started: int
    snapshots: list[Snapshot]
    parents: list[Snapshot]
    parent: Snapshot | None
    memory: RememberedFolders
    # What this device knew as it began. Whoever waits for it to know of something must not be told earlier
    # than it keeps to that.
    known: dict[bytes, Head]

    @classmethod
    def now(cls, session: Session, source: Source) -> "_Begun":
        started, mine = time.time_ns(), source.body.id
        snapshots = list_snapshots(session.vault.journal)
        tips, last = heads(snapshots, mine), newest(snapshots, mine)
        memory, known = session.vault.folder_memory(mine), session.vault.journal.known()
        return cls(session, source, started, snapshots, tips, last, memory, known)

    def read(
        self, sink: Packer, progress: Progress, stop: Callable[[], bool], *, force: bool, dirty: Dirty
    ) -> _Read:
        parent, keys = self.parent.body if self.parent else None, self.session.vault.keys
        scanned = scan(
            _spec(self.source),
            parent.root if parent else None,
            sink,
            keys,
            self.memory,
            started_ns=self.started,
            progress=progress,
            own=own_folders(self.session),
            force=force,
            stop=stop,
            dirty=dirty,
        )
        troubles = Troubles(scanned.troubles, scanned.notes, scanned.trouble_count)
        removals = [each for each in list_removals(self.session.vault.journal) if each.body.source == self.id]
        before = [(each.body.root, each.body.attic) for each in unread_before(self.snapshots, self.parents)]
        attic = update_attic(
            sink,
            keys,
            before + taken_back(removals, self.parents, scanned.root),
            scanned.root,
            self.started,
            failed=lambda path: _tell_unread(troubles, path),
        )
        attic = without_removed(sink, keys, attic, removals)
        if parent is not None and dirty is not EVERYTHING:
            count_changes(scanned.counts, parent.counts, View(sink, parent.root), View(sink, scanned.root))
        return _Read(scanned, troubles, attic)

    @property
    def id(self) -> bytes:
        return self.source.body.id

    def body(self, read: _Read, sink: Packer, tags: Sequence[str]) -> SnapshotBody:
        source, troubles = self.source.body, read.troubles
        return SnapshotBody(
            attic=read.attic,
            complete=troubles.count == 0,
            counts=asdict(read.scanned.counts) | {"stored": sink.stored},
            ended=time.time_ns(),
            errors=[(trouble.path, trouble.error, trouble.detail) for trouble in troubles.kept],
            host=platform.node(),
            kind=source.kind,
            name=source.name,
            offset=_offset_minutes(self.started),
            packs=[*sink.packs, *self._left_before(sink)],
            parents=[parent.id for parent in self.parents],
            path=source.path,
            root=read.scanned.root,
            source=source.id,
            started=self.started,
            tags=list(tags),
        )

    def _left_before(self, sink: Packer) -> list[bytes]:
        """Packs that no snapshot names, as a run that was cut off leaves them: this one may rely on them, and
        nobody would miss them.
        """
        snapshots = every_snapshot(self.session.vault.journal)
        named = {pack for each in snapshots for pack in each.body.packs}.union(sink.packs)
        return sorted(self.session.vault.index.packs().keys() - named)


def _with_troubled(dirty: Dirty, parent: Snapshot | None) -> Dirty:
    """Also the folders of what could not be had the last time: it is tried again, and told again."""
    if dirty is EVERYTHING or parent is None or len(parent.body.errors) >= MOST_KEPT:
        return EVERYTHING
    for path, _, _ in parent.body.errors:
        dirty.mark(path)
        dirty.mark(path.rpartition(b"/")[0])
    return dirty


def _says_the_same(body: SnapshotBody, before: SnapshotBody) -> bool:
    same = ("root", "attic", "errors", "complete", "name", "path", "kind")
    return all(getattr(body, each) == getattr(before, each) for each in same)


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


def _offset_minutes(now_ns: int) -> int:
    return time.localtime(now_ns / 1e9).tm_gmtoff // 60
