"""Check a copy: is everything there that the snapshots need, and is it what its name says.

Without reading all data: names, lengths, every pack's head and table, key slot, record and chain, page of
every snapshot, and that each chunk is in a pack. With it: every byte, or those of a part of the files, and
the ledger is told of each file that was right. Only the two texts are repaired.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from vaultd.copies import texts
from vaultd.copies.contract import Copy, Stored
from vaultd.errors import Full, Missing, ReadOnly, Unreachable, Unreadable, VaultdError
from vaultd.jobs.check_files import Files
from vaultd.jobs.check_missing import missing_packs, missing_slots, wrong_identity
from vaultd.jobs.check_parity import add_gone_packs, may_mend, measured, renew_parity
from vaultd.jobs.check_trees import Lost, Trees
from vaultd.jobs.felt import count_as_unread, digest_of, let_go
from vaultd.jobs.heal import heal, healing
from vaultd.jobs.opening import open_other
from vaultd.jobs.parity import Coverage
from vaultd.jobs.protect import protect
from vaultd.jobs.scrub import Part, Reading, Scrub
from vaultd.jobs.session import Session
from vaultd.progress import Progress
from vaultd.settings import Place
from vaultd.store.ledger import Ledger
from vaultd.store.vault import Vault
from vaultd.tree.snapshots import list_snapshots


@dataclass(slots=True)
class Report:
    """What a check found. The copy is sound where `damage` and `lost` are empty; `healed` are the names of
    files that were damaged or gone and are right again, those in `rebuilt` by the copy's own parity, and
    `unhealed` says why others are not. `renewed` are parity files in the place of damaged or missing ones,
    and `parity` says how much of the copy it stands for.

    Where not all could be `walked`, since a file cannot be read, which paths are lost is not known.

    `read` and `left` are (files, bytes): of which every byte was read, and of which that was due and was not
    done. `unread` files of the copy were never read back, and the others all since `read_since` (ns), None
    where there are none; both are known only where something was to be read.
    """

    files: int = 0
    bytes: int = 0
    read: tuple[int, int] = (0, 0)
    left: tuple[int, int] = (0, 0)
    unread: int = 0
    read_since: int | None = None
    names: list[str] = field(default_factory=list)
    snapshots: int = 0
    damage: list[VaultdError] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    lost_count: int = 0
    strangers: int = 0
    rewritten: tuple[str, ...] = ()
    unknown: set[str] = field(default_factory=set)
    healed: list[str] = field(default_factory=list)
    rebuilt: list[str] = field(default_factory=list)
    unhealed: list[VaultdError] = field(default_factory=list)
    renewed: list[str] = field(default_factory=list)
    walked: bool = True
    parity: Coverage | None = None

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
    part: Part | None = None,
    heals: bool = False,
    turn: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext,
) -> Iterator[tuple[Place, Report | VaultdError]]:
    """Check copies of an open vault one after the other: what was found, or why a copy cannot be looked
    at. With `read_data` all is read, or the `part` of each copy that is given.

    What is damaged counts as read back no more. With `heals` it is mended where another copy has it right, or
    its own parity can rebuild it; the session is then this device's writer from the first damage on, in a
    `turn` that was asked for.
    """
    places = list(places)
    with contextlib.ExitStack() as held:
        writer = _Writer(session, held, turn)
        scrub = None
        if read_data:
            ledger = held.enter_context(contextlib.closing(Ledger(session.home.ledger_file)))
            scrub = Scrub(ledger, part or Part(), len(places))
        for place in places:
            if scrub is not None:
                scrub.budget.turn()
            try:
                with contextlib.ExitStack() as stack:
                    other = place in session.others
                    vault = stack.enter_context(open_other(session, place)) if other else session.vault
                    report = check(vault, progress, stop, scrub=scrub)
                    count_as_unread(session.home, place.copy_id, report.damage)
                    add_gone_packs(session, vault.copy, report)
                    if heals and may_mend(session, place, vault.copy, report):
                        _mend(writer, place, vault, report, progress, stop)
                    report.parity = measured(session, place, vault.copy)
                    if scrub is not None:
                        _since(session, place, vault.copy, report, scrub.ledger)
            except VaultdError as error:
                yield place, error
                continue
            yield place, report
        if writer.writes:
            # That something was mended is written in the log of the copy in use, and belongs into all.
            protect(session, progress, stop)


def _since(session: Session, place: Place, copy: Copy, report: Report, ledger: Ledger) -> None:
    leave = let_go(session.vault.journal)
    names = report.names
    with contextlib.suppress(Unreachable):  # what was found is told in any case
        names = [file.name for file in copy.list()]
    held = {digest_of(name) for name in names if name not in leave}
    report.unread, report.read_since = ledger.since(place.copy_id, held)


@dataclass(slots=True)
class _Writer:
    """Makes a session the writer of this device when it is first asked to."""

    session: Session
    held: contextlib.ExitStack
    turn: Callable[[], contextlib.AbstractContextManager[None]]
    writes: bool = False

    def begin(self) -> None:
        """Raises Busy, ReadOnly, Unreachable."""
        if not self.writes:
            with contextlib.ExitStack() as begun:
                begun.enter_context(self.turn())
                begun.enter_context(healing(self.session))
                self.held.enter_context(begun.pop_all())
            self.writes = True


def _mend(
    writer: _Writer,
    place: Place,
    vault: Vault,
    report: Report,
    progress: Progress,
    stop: Callable[[], None],
) -> None:
    """Heal what a check found, and look again at the paths that could not be had."""
    try:
        writer.begin()
    except VaultdError as error:
        report.unhealed.append(error)
        return
    session = writer.session
    of = report.files if len(session.settings.copies) > 1 else None  # the only copy is never refused
    healed = heal(session, place, vault.copy, report.damage, progress, stop, of=of)
    report.healed, report.rebuilt, report.unhealed = healed.names, healed.rebuilt, healed.left
    if healed.names:
        _look_again(session, vault, report, stop)
    renew_parity(session, place, vault.copy, report, progress, stop)


def _look_again(session: Session, vault: Vault, report: Report, stop: Callable[[], None]) -> None:
    healed = report.healed
    past = {*healed, *(getattr(error, "name", "") for error in vault.troubles)}
    report.damage = [error for error in report.damage if getattr(error, "name", "") not in past]
    if vault is not session.vault:  # of that one it was told
        vault.index.suspect((), healed)
    vault.sync()
    _add_new(report, vault.troubles)
    _add_trees(report, _trees(vault, report, stop))


def check(
    vault: Vault,
    progress: Progress,
    stop: Callable[[], None],
    *,
    read_data: bool = False,
    scrub: Scrub | None = None,
) -> Report:
    """Check the copy of an open vault, and read all of it with `read_data`, or what `scrub` chooses. `stop`
    is called often and raises to interrupt. Raises Unreachable.
    """
    report = Report()
    progress.stage("check-files")
    files = list(vault.copy.list())
    report.files, report.bytes = len(files), sum(file.size for file in files)
    with _reading(vault, files, scrub, read_data=read_data) as reading:
        size = sum(files[place].size for place in reading.order)
        progress.total(files=report.files, bytes=size if reading.order else None)
        with Files(vault, files, progress, reading) as looked_at:
            early = _early(vault, stop) if looked_at.begun else None
            looked_at.finish(stop)
    _count_read(report, files, reading.due, looked_at.whole)
    report.damage.extend(looked_at.damage)
    if looked_at.vanished:
        files = _without(vault, files, looked_at.vanished, report)
        early = None
    report.names = [file.name for file in files]
    report.unknown |= looked_at.unknown
    report.damage.extend(wrong_identity(vault))
    report.damage.extend(missing_slots(vault, files))
    _remember_suspects(vault, files, report, looked_at.whole)
    _add_new(report, vault.troubles)
    report.strangers = sum(1 for _ in vault.copy.strangers())
    progress.stage("check-snapshots")
    report.snapshots = len(list_snapshots(vault.journal))
    # What was found in a file may be missed by a tree.
    trees = early if early is not None and not report.damage else _trees(vault, report, stop)
    if trees is not None and trees.damaged:  # packs whose tables are right: what else lies in them is read
        vault.index.suspect(trees.damaged, ())
        trees = _trees(vault, report, stop)
    _add_trees(report, trees)
    if trees is None or trees.missed:
        report.damage.extend(missing_packs(vault, files))
    report.unknown |= set(vault.unknown)
    report.rewritten = _rewrite_texts(vault)
    return report


def _without(vault: Vault, files: list[Stored], vanished: set[str], report: Report) -> list[Stored]:
    """What has gone since is none of what the copy holds. What is still listed, and cannot be had, is
    missing: nobody would ask for it otherwise.
    """
    listed = {file.name for file in vault.copy.list()}
    report.damage.extend(Missing(name, vault.copy.label) for name in sorted(vanished & listed))
    vault.sync()
    return [file for file in files if file.name not in vanished]


def _early(vault: Vault, stop: Callable[[], None]) -> Trees | None:
    with contextlib.suppress(Unreachable):  # if it does not answer at all, whoever reads its files tells
        return Trees.of(vault, stop)
    return None


def _trees(vault: Vault, report: Report, stop: Callable[[], None]) -> Trees | None:
    """None where they cannot be walked, since there is a file that cannot be read. Raises Unreachable."""
    try:
        return Trees.of(vault, stop)
    except Unreachable:
        if not any(isinstance(error, Unreadable) for error in report.damage):
            raise
        return None


def _add_trees(report: Report, trees: Trees | None) -> None:
    report.walked = trees is not None
    trees = trees or Trees()
    report.lost, report.lost_count = trees.lost, trees.count
    report.unknown |= trees.unknown
    _add_new(report, list(trees.damaged.values()))


def _reading(
    vault: Vault, files: list[Stored], scrub: Scrub | None, *, read_data: bool
) -> contextlib.AbstractContextManager[Reading]:
    if scrub is not None:
        return scrub.reading(vault.copy, files)
    everything = Reading(range(len(files)), (len(files), sum(file.size for file in files)))
    return contextlib.nullcontext(everything if read_data else Reading())


def _count_read(report: Report, files: list[Stored], due: tuple[int, int], whole: set[str]) -> None:
    sizes = [file.size for file in files if file.name in whole]
    report.read = len(sizes), sum(sizes)
    report.left = due[0] - len(sizes), due[1] - sum(sizes)


def _remember_suspects(vault: Vault, files: list[Stored], report: Report, read: set[str]) -> None:
    """What lies in a damaged pack is stored anew by the next snapshot that meets it. Only reading all of
    a pack clears it.
    """
    damaged = {getattr(error, "name", "") for error in report.damage}
    packs = {file.name for file in files if file.name.startswith("packs/")}
    vault.index.suspect(packs & damaged, (packs & read) - damaged)


def _add_new(report: Report, troubles: list[VaultdError]) -> None:
    said = {getattr(error, "name", "") for error in report.damage}
    report.damage.extend(error for error in troubles if getattr(error, "name", None) not in said)


def _rewrite_texts(vault: Vault) -> tuple[str, ...]:
    try:
        return texts.refresh(vault.copy)
    except (ReadOnly, Full, Unreachable):
        return ()
