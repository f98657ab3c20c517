"""Check a copy: is everything there that the snapshots need, and is it what its name says.

Without reading all data: names, lengths, every pack's head and table, key slot, record and chain, page of
every snapshot, and that each chunk is in a pack. With it: every byte. Only the two texts are repaired.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import blake3

from vaultd import ids
from vaultd.copies import texts
from vaultd.copies.contract import Stored
from vaultd.errors import Damaged, Full, Missing, ReadOnly, Refused, Unreachable, VaultdError
from vaultd.format.box import verify_box
from vaultd.format.entry import FILE, FOLDER, Entry, unknown_in
from vaultd.format.limits import CHUNK, KIND_INDEX, KIND_LOG
from vaultd.format.slot import parse_slot
from vaultd.jobs.level import digest_of
from vaultd.jobs.opening import Session, open_other
from vaultd.progress import Progress
from vaultd.settings import Place
from vaultd.store.index import newer_box
from vaultd.store.ledger import Ledger
from vaultd.store.vault import Vault
from vaultd.tree.content import pieces
from vaultd.tree.folder import entries_of
from vaultd.tree.snapshots import Snapshot, list_snapshots
from vaultd.tree.view import folder_id

# Of one damaged blob that a thousand files share, the first few say enough.
MOST_PATHS = 1000


@dataclass(frozen=True, slots=True)
class Lost:
    """A path of a snapshot that cannot be had whole; `deleted`: of its attic."""

    snapshot: Snapshot
    path: bytes
    error: VaultdError
    deleted: bool = False


@dataclass(slots=True)
class Report:
    """What a check found. The copy is sound where `damage` and `lost` are empty."""

    files: int = 0
    bytes: int = 0
    snapshots: int = 0
    damage: list[VaultdError] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    lost_count: int = 0
    strangers: int = 0
    rewritten: tuple[str, ...] = ()
    unknown: set[str] = field(default_factory=set)

    @property
    def sound(self) -> bool:
        return not self.damage and not self.lost_count


def check_copies(
    session: Session,
    places: Iterable[Place],
    progress: Progress,
    stop: Callable[[], None],
    *,
    read_data: bool = False,
) -> Iterator[tuple[Place, Report | VaultdError]]:
    """Check copies of an open vault one after the other: what was found, or why a copy cannot be looked
    at.

    What is damaged counts as read back no more.
    """
    for place in places:
        try:
            with contextlib.ExitStack() as stack:
                other = place in session.others
                vault = stack.enter_context(open_other(session, place)) if other else session.vault
                report = check(vault, progress, stop, read_data=read_data)
        except VaultdError as error:
            yield place, error
            continue
        names = [name for error in report.damage if ids.parse(name := getattr(error, "name", ""))]
        if names:
            with contextlib.closing(Ledger(session.home.ledger_file)) as ledger:
                ledger.forget(place.copy_id, map(digest_of, names))
        yield place, report


def check(vault: Vault, progress: Progress, stop: Callable[[], None], *, read_data: bool = False) -> Report:
    """Check the copy of an open vault. `stop` is called often and raises to interrupt. Raises Unreachable."""
    report = Report()
    progress.stage("check-files")
    files = list(vault.copy.list())
    progress.total(files=len(files), bytes=sum(file.size for file in files) if read_data else None)
    for file in files:
        stop()
        report.files += 1
        report.bytes += file.size
        _look_at(vault, file, read_data, report)
        progress.add(files=1, bytes=file.size if read_data else 0)
    report.damage.extend(_wrong_identity(vault))
    report.damage.extend(_missing_slots(vault, files))
    _remember_suspects(vault, files, report, read_data)
    _add_new(report, vault.troubles)
    report.strangers = sum(1 for _ in vault.copy.strangers())
    _check_trees(vault, report, progress, stop)
    report.unknown |= set(vault.unknown)
    report.rewritten = _rewrite_texts(vault)
    return report


def _remember_suspects(vault: Vault, files: list[Stored], report: Report, read_data: bool) -> None:
    """What lies in a damaged pack is stored anew by the next snapshot that meets it. Only reading all of
    a pack clears it.
    """
    damaged = {getattr(error, "name", "") for error in report.damage}
    packs = {file.name for file in files if file.name.startswith("packs/")}
    whole = packs - damaged if read_data else set()
    vault.index.suspect(packs & damaged, whole)


def _add_new(report: Report, troubles: list[VaultdError]) -> None:
    said = {getattr(error, "name", "") for error in report.damage}
    report.damage.extend(error for error in troubles if getattr(error, "name", None) not in said)


def _rewrite_texts(vault: Vault) -> tuple[str, ...]:
    try:
        return texts.refresh(vault.copy)
    except (ReadOnly, Full, Unreachable):
        return ()


# Files.


def _look_at(vault: Vault, file: Stored, read_data: bool, report: Report) -> None:
    try:
        _check_file(vault, file, read_data)
    except (Damaged, Missing) as error:
        report.damage.append(error)
    except Refused as error:
        if word := newer_box(vault.copy, file.name):
            report.unknown.add(word)
        else:
            report.damage.append(Damaged(file.name, vault.copy.label, error.reason))


def _check_file(vault: Vault, file: Stored, read_data: bool) -> None:
    name = ids.parse(file.name)
    assert name is not None  # the contract lists no other names
    if name.folder == "keys":
        parse_slot(vault.copy.fetch(file.name))
    elif name.folder == "log":
        verify_box(vault.copy.fetch(file.name), vault.keys, KIND_LOG)
    elif read_data:
        kind = vault.index.head(name.digest).kind if name.folder == "packs" else KIND_INDEX
        verify_box(vault.copy.fetch(file.name), vault.keys, kind)
    elif name.folder == "packs":
        vault.index.read_table(name.digest, file.size)


def _wrong_identity(vault: Vault) -> Iterator[VaultdError]:
    """`vault.id` has no name to hash to; what was enrolled says what it must be."""
    added = [record.body for _, record in vault.journal.of_kind("copy-added")]
    enrolled = [body["vault_id"] for body in added if body["copy"] == vault.copy.copy_id]
    try:
        found = blake3.blake3(vault.copy.get("vault.id")).digest()
    except (Damaged, Missing) as error:
        yield error
        return
    if enrolled and found not in enrolled:
        yield Damaged("vault.id", vault.copy.label, "digest")


def _missing_slots(vault: Vault, files: list[Stored]) -> Iterator[VaultdError]:
    """Slots that were added and are gone: who removes one says so first."""
    there = {file.name for file in files}
    removed = {record.body["slot"] for _, record in vault.journal.of_kind("key-removed")}
    for _, record in vault.journal.of_kind("key-added"):
        slot = record.body["slot"]
        if slot not in removed and ids.key_name(slot) not in there:
            yield Missing(ids.key_name(slot), vault.copy.label)


# Trees.


@dataclass(slots=True)
class _Folder:
    """A folder that is being walked; `sound` until something in or below it turns out wrong."""

    path: bytes
    content: bytes
    attic: bool
    items: Iterator[Entry | Missing | Damaged]
    sound: bool = True


class _Walk:
    """Walks trees, and no folder twice that was found sound: the cost follows what differs between
    snapshots.
    """

    def __init__(self, vault: Vault, stop: Callable[[], None]) -> None:
        self.unknown: set[str] = set()
        self._vault = vault
        self._stop = stop
        self._sound: set[tuple[bytes, bool]] = set()

    def lost(self, content: bytes, attic: bool) -> Iterator[tuple[bytes, VaultdError]]:
        """Paths below a folder that cannot be had whole."""
        stack = [self._open(b"", content, attic)]
        while stack:
            folder = stack[-1]
            item = next(folder.items, None)
            self._stop()
            if item is None:
                self._close(stack)
            elif isinstance(item, Missing | Damaged):
                folder.sound = False
                yield folder.path, item
            else:
                path = folder.path + b"/" + item.name if folder.path else item.name
                self.unknown.update(unknown_in(item))
                if (error := self.wrong_with(item)) is not None:
                    folder.sound = False
                    yield path, error
                if item.kind == FOLDER and isinstance(item.content, bytes):
                    attic = folder.attic and "missed" not in item.extra
                    if (item.content, attic) not in self._sound:
                        stack.append(self._open(path, item.content, attic))

    def _open(self, path: bytes, content: bytes, attic: bool) -> _Folder:
        return _Folder(path, content, attic, entries_of(self._vault, content, attic=attic))

    def _close(self, stack: list[_Folder]) -> None:
        folder = stack.pop()
        if folder.sound:
            self._sound.add((folder.content, folder.attic))
        elif stack:
            stack[-1].sound = False

    def wrong_with(self, entry: Entry) -> VaultdError | None:
        error = self._looked_at(entry)
        if error is not None and self._vault.index.doubt():
            # It may be what state says of the chunk that is wrong: the packs have been asked now.
            error = self._looked_at(entry)
        return error

    def _looked_at(self, entry: Entry) -> VaultdError | None:
        try:
            for blob_id, length in _chunks_of(self._vault, entry):
                if self._vault.length_of(blob_id) != length:
                    return Damaged(blob_id.hex(), self._vault.copy.label, "size")
                if not self._vault.index.holds(blob_id):
                    # In a damaged pack alone, and perhaps not where the damage is.
                    self._vault.read(blob_id, CHUNK)
        except (Missing, Damaged) as error:
            return error
        return None


def _chunks_of(vault: Vault, entry: Entry) -> Iterator[tuple[bytes, int]]:
    """Id and length of every chunk that an entry needs. Raises Missing, Damaged."""
    if entry.kind == FILE:
        for piece in pieces(vault, entry):
            yield piece.id, piece.chunk_length
    values = [entry.extra.get("link"), entry.extra.get("sparse"), *(entry.extra.get("xattr") or {}).values()]
    for value in values:
        if isinstance(value, list | tuple):
            yield from ((blob_id, length) for blob_id, length in value if isinstance(blob_id, bytes))


def _lose(report: Report, lost: Lost) -> None:
    report.lost_count += 1
    if len(report.lost) < MOST_PATHS:
        report.lost.append(lost)


def _check_trees(vault: Vault, report: Report, progress: Progress, stop: Callable[[], None]) -> None:
    progress.stage("check-snapshots")
    walk = _Walk(vault, stop)
    for snapshot in reversed(list_snapshots(vault.journal)):
        report.snapshots += 1
        if (error := walk.wrong_with(snapshot.body.root)) is not None:
            _lose(report, Lost(snapshot, b"", error))
        trees = [(folder_id(snapshot.body.root), False), (snapshot.body.attic, True)]
        for content, attic in trees:
            if content is None:
                continue
            for path, error in walk.lost(content, attic):
                _lose(report, Lost(snapshot, path, error, attic))
    report.unknown |= walk.unknown
