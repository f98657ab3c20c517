"""A capsule: a vault of its own that holds one snapshot, or a part of one, under its own key.

Whoever is given it, and its passphrase or recovery code, gets everything in it back by the program that lies
in it, without vaultd, and learns nothing of the vault that it came from. It is a copy of a vault as
docs/format.md has it, so `vaultd open` takes it too.
"""

import contextlib
import os
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from vaultd.copies import texts
from vaultd.copies.directory import DirectoryCopy
from vaultd.credentials import Passphrase
from vaultd.errors import Damaged, Missing, NotAsWritten
from vaultd.format.entry import FILE, LINK, Entry
from vaultd.format.keys import Keys, new_vault_id
from vaultd.format.record import SnapshotBody
from vaultd.jobs.capsule_parts import split_into_parts
from vaultd.jobs.enrolling import copy_added
from vaultd.jobs.keys import add_slot
from vaultd.jobs.outgoing import WHOLE, forget_cached, refuse_taken, sync_tree, written_aside
from vaultd.jobs.promised import Promised, hasher
from vaultd.jobs.resealing import Resealing, facts
from vaultd.jobs.restoration import Restored
from vaultd.jobs.session import Session
from vaultd.jobs.unlocking import unlock
from vaultd.jobs.wanted import Folder, looked_ahead, visit, wanted
from vaultd.progress import Progress
from vaultd.store.state import State
from vaultd.store.vault import Vault
from vaultd.tree.patterns import Selection
from vaultd.tree.snapshots import Snapshot, list_snapshots
from vaultd.tree.troubles import MOST_KEPT
from vaultd.tree.view import Broken, Found, View

LABEL = "capsule"
PROGRAM, HOW_TO = "recover.py", "HOW-TO.txt"


@dataclass(frozen=True, slots=True)
class Sealing:
    """What a capsule is made of: a snapshot as a `view`, what stands at `path` in it (or, if `deleted`, what
    is gone from there), the new vault's key and what opens it. `split` is the most bytes of one part; None
    for a folder.
    """

    snapshot: Snapshot
    view: View
    path: bytes
    master: bytes
    passphrase: Passphrase
    deleted: bool = False
    split: int | None = None


def create_capsule(
    session: Session, what: Sealing, target: Path, progress: Progress, stop: Callable[[], bool]
) -> Restored:
    """Write a capsule as the folder `target`, which must not be there or be empty, open it again with its
    passphrase, and compare all that is in it with what was read from the vault.

    `stop` is asked often; where it says yes, KeyboardInterrupt is raised and nothing is left. Raises
    BadUsage, NotAFolder, NoSuchPath, ExportFull, NotAsWritten, Unreachable, OSError.
    """
    refuse_taken(target, folder=True)
    told = Restored()
    with written_aside(target, folder=True) as aside:
        place = aside / WHOLE if what.split is None else aside / LABEL
        with contextlib.closing(Promised(aside)) as promised:
            progress.stage("export")
            _write(session, what, place, aside, told, promised, progress, stop)
            progress.stage("read-back")
            _compare(place, what, aside, promised, stop)
        if what.split is not None:
            split_into_parts(place, aside / WHOLE, what.split, stop)
    return told


def _write(
    session: Session,
    what: Sealing,
    place: Path,
    aside: Path,
    told: Restored,
    promised: Promised,
    progress: Progress,
    stop: Callable[[], bool],
) -> None:
    keys = Keys.from_master(what.master, new_vault_id())
    copy = DirectoryCopy.create(place, keys.vault_id, os.urandom(16), LABEL)
    with contextlib.closing(Vault(copy, keys, State(aside / "writing.db", keys.vault_id))) as vault:
        vault.sync()
        texts.refresh(copy)
        for name, source in ((PROGRAM, PROGRAM), (HOW_TO, "capsule.txt")):
            (place / name).write_bytes((texts.SOURCES / source).read_bytes())
        vault.journal.begin(os.urandom(8))
        vault.journal.append("device", {"name": platform.node(), "replaces": None})
        add_slot(replace(session, vault=vault), what.passphrase, LABEL)
        vault.journal.append("copy-added", copy_added(copy))
        body = _reseal(vault, what, aside, told, promised, progress, stop)
        vault.journal.append("snapshot", body.to_map())
    sync_tree(place)


def _reseal(
    vault: Vault,
    what: Sealing,
    aside: Path,
    told: Restored,
    promised: Promised,
    progress: Progress,
    stop: Callable[[], bool],
) -> SnapshotBody:
    sink = vault.sink()
    resealing = Resealing(what.view, sink, vault.keys, told, promised, progress, stop, aside)
    found = wanted(what.view, what.path, Selection((), ()), deleted=what.deleted)
    try:
        with contextlib.closing(resealing):
            visit(looked_ahead(found, what.view.blobs), resealing, Folder(b"", b"", what.view.root, True))
            root = resealing.top(what.view.root)
            sink.finish()
    except BaseException:
        sink.abandon()
        raise
    return _body(what, root, told, sink.packs, sink.stored)


def _body(what: Sealing, root: Entry, told: Restored, packs: list[bytes], stored: int) -> SnapshotBody:
    """The snapshot's record: when and of what it was stays as it was; it goes on from nothing."""
    old, tally = what.snapshot.body, told.tally
    troubles = [(trouble.path, trouble.error, trouble.detail) for trouble in told.troubles.kept]
    counts = {
        "files": tally.files, "folders": tally.folders, "others": tally.others, "bytes": tally.bytes,
        "changed": tally.files, "read": tally.bytes, "stored": stored,
    }  # fmt: skip
    return SnapshotBody(
        attic=None,
        complete=old.complete and not told.troubles.count,
        counts=counts,
        ended=max(old.ended, time.time_ns()),
        errors=[*troubles, *old.errors][:MOST_KEPT],
        host=old.host,
        kind=old.kind,
        name=old.name,
        offset=old.offset,
        packs=list(packs),
        parents=[],
        path=old.path,
        root=root,
        source=old.source,
        started=old.started,
        tags=list(old.tags),
    )


def _compare(place: Path, what: Sealing, aside: Path, promised: Promised, stop: Callable[[], bool]) -> None:
    """Open the capsule as a stranger would, with its passphrase, and read all of it."""
    for folder, _, files in os.walk(place):
        for name in files:
            with open(os.path.join(folder, name), "rb") as file:
                forget_cached(file.fileno())
    copy = DirectoryCopy.open(place, None, LABEL)
    with contextlib.closing(copy):
        keys = unlock(copy, what.passphrase)
        with contextlib.closing(State(aside / "reading.db", keys.vault_id)) as state:
            vault = Vault(copy, keys, state)
            vault.sync()
            snapshots = list_snapshots(vault.journal)
            if vault.troubles or len(snapshots) != 1:
                raise NotAsWritten(os.fsencode(place), b"log")
            promised.compare(place, _digests(View(vault, snapshots[0].body.root), stop))


def _digests(view: View, stop: Callable[[], bool]) -> Iterator[tuple[bytes, bytes]]:
    """Of everything in the capsule, in the order in which it was written."""
    for item in view.walk():
        if stop():
            raise KeyboardInterrupt
        if isinstance(item, Broken):
            yield item.path, b""
        else:
            yield item.path, _digest(view, item)


def _digest(view: View, found: Found) -> bytes:
    entry = found.entry
    try:
        known = dict(entry.extra)
        if entry.kind == LINK:
            known["link"] = view.link(entry)
        if "sparse" in known:
            known["sparse"] = tuple(tuple(part) for part in view.parts(entry))
        if "xattr" in known:
            known["xattr"] = view.xattrs(entry)
        digest = hasher(facts(found.path, entry, known))
        if entry.kind == FILE:
            for _, data in view.chunks(entry):
                digest.update(data)
    except (Missing, Damaged):
        return b""
    return digest.digest()
