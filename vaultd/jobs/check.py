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
from vaultd.format.limits import KIND_INDEX, KIND_LOG
from vaultd.format.slot import parse_slot
from vaultd.jobs.check_trees import Lost, lost_paths
from vaultd.jobs.level import digest_of
from vaultd.jobs.opening import Session, open_other
from vaultd.progress import Progress
from vaultd.settings import Place
from vaultd.store.index import newer_box
from vaultd.store.ledger import Ledger
from vaultd.store.vault import Vault
from vaultd.tree.snapshots import list_snapshots

# Of one damaged blob that a thousand files share, the first few say enough.
MOST_PATHS = 1000


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

    def lose(self, lost: Lost) -> None:
        """Count a path that cannot be had whole, and keep the first ones."""
        self.lost_count += 1
        if len(self.lost) < MOST_PATHS:
            self.lost.append(lost)


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
    progress.stage("check-snapshots")
    report.snapshots = len(list_snapshots(vault.journal))
    missed = False
    for lost in lost_paths(vault, report.unknown, stop):
        report.lose(lost)
        missed = missed or isinstance(lost.error, Missing)
    if missed:
        report.damage.extend(_missing_packs(vault, files))
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


def _missing_packs(vault: Vault, files: list[Stored]) -> Iterator[VaultdError]:
    """Packs that a snapshot says it added, and that are gone. Where all that lay in them is in other packs by
    now nobody asks: nothing is missed.
    """
    there = {file.name for file in files}
    added = dict.fromkeys(pack for each in list_snapshots(vault.journal) for pack in each.body.packs)
    for name in map(ids.pack_name, added):
        if name not in there:
            yield Missing(name, vault.copy.label)
