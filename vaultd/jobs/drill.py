"""Try it out: restore a few files from one copy alone, and compare them with what was saved.

Nothing that this computer remembers of the vault is used, but its key: the copy's log, its tables and its
data are read afresh, and no other copy is asked. What is restored is read back from the disk that it was
written to, re-hashed against the ids of its chunks, compared with its entry, and removed.
"""

import contextlib
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from vaultd import ids
from vaultd.copies.contract import Copy
from vaultd.errors import Damaged, LostTooMuch, Missing, Refused, TargetTooSmall, VaultdError
from vaultd.format.slot import parse_slot
from vaultd.jobs.comparing import TRIED, compared
from vaultd.jobs.felt import may_be_gone, refuse_lossy
from vaultd.jobs.opening import open_place
from vaultd.jobs.planning import UNREADABLE
from vaultd.jobs.restore import Options, plan_restore, restore
from vaultd.jobs.sampling import Pick, Sample, sample, small_folder, within
from vaultd.jobs.scratch import remove, scratch
from vaultd.jobs.session import Session
from vaultd.jobs.sources import refuse_inside_copy
from vaultd.progress import Progress, Silent
from vaultd.settings import Place
from vaultd.store.ledger import Ledger
from vaultd.store.state import State
from vaultd.store.vault import Vault
from vaultd.tree.snapshots import Snapshot, in_order, list_snapshots
from vaultd.tree.troubles import Trouble
from vaultd.tree.view import View

# So much is read and written at most, so that a drill of every day stays cheap; one file may be more.
MOST_BYTES = 1 << 30
# What must stay free beside it: the disk of the state is also that of everything else.
_SPARE = 64 << 20
# SQLite writes what is new beside the file before it goes into it.
_STATE_TIMES = 2
FILES = 50
_WRONG = (Damaged, Missing, Refused, LostTooMuch)


@dataclass(slots=True)
class Drill:
    """What came of a copy: so many `files`, `folders` and `bytes` were restored and compared, of `snapshots`.
    `wrong` are those that are not what was saved, and `damage` files of the copy itself; `untried` what this
    computer's disk cannot hold (a name, a kind), which says nothing of the copy.
    """

    seed: int
    snapshots: list[Snapshot] = field(default_factory=list)
    files: int = 0
    folders: int = 0
    bytes: int = 0
    wrong: list[tuple[Snapshot, Trouble]] = field(default_factory=list)
    untried: list[tuple[Snapshot, Trouble]] = field(default_factory=list)
    damage: list[VaultdError] = field(default_factory=list)

    @property
    def tried(self) -> bool:
        """Whether there was anything to try; without, it is neither passed nor failed."""
        return bool(self.snapshots or self.damage)

    @property
    def passed(self) -> bool:
        return self.tried and not self.wrong and not self.damage


def drill_copies(
    session: Session,
    places: Sequence[Place],
    progress: Progress,
    stop: Callable[[], bool],
    *,
    files: int = FILES,
    seed: int,
) -> Generator[tuple[Place, Drill | VaultdError], None, None]:
    """Drill copies one after the other: what came of it, or why a copy could not be tried, which is neither
    passed nor failed. The ledger remembers what came of it.

    What is restored lies under this computer's state meanwhile, for its owner only. `stop` is asked often;
    where it says yes KeyboardInterrupt is raised, and nothing is remembered of that copy. Raises Busy where
    another drill is running; Overlap where the state lies in a copy, which may be anybody's disk; Full,
    OSError.
    """
    refuse_inside_copy(session, os.fsencode(session.home.state))
    with scratch(session.home) as top, contextlib.closing(Ledger(session.home.ledger_file)) as ledger:
        for place in places:
            found = _Drilling(session, place, top / "one", seed, progress, stop).run(ledger, files)
            if isinstance(found, Drill) and found.tried:
                ledger.add_drill(place.copy_id, found.files, len(found.wrong) + len(found.damage), seed)
            yield place, found


class _Drilling:
    """The drill of one copy, in a folder of its own."""

    def __init__(
        self,
        session: Session,
        place: Place,
        folder: Path,
        seed: int,
        progress: Progress,
        stop: Callable[[], bool],
    ) -> None:
        self._session = session
        self._place = place
        self._folder = folder
        self._keys = session.vault.keys
        self._progress = progress
        self._stop = stop
        self._drill = Drill(seed)

    def run(self, ledger: Ledger, files: int) -> Drill | VaultdError:
        self._progress.stage("drill")
        self._folder.mkdir(mode=0o700)
        try:
            with self._alone(ledger) as vault:
                self._try(vault, files)
        except _WRONG as error:
            self._drill.damage.append(error)
        except VaultdError as error:
            return error
        finally:
            remove(self._folder)
        return self._drill

    @contextlib.contextmanager
    def _alone(self, ledger: Ledger) -> Iterator[Vault]:
        """The vault as this copy alone holds it, with a state that knows nothing yet."""
        with contextlib.closing(open_place(self._session.home, self._place)) as copy:
            if len(self._session.settings.copies) > 1:
                refuse_lossy(ledger, copy, may_be_gone(self._session.vault.journal))
            _find_slot(copy, self._session.slot)
            self._ask_for_room()
            state = State(self._folder / "state.db", self._keys.vault_id)
            with contextlib.closing(Vault(copy, self._keys, state)) as vault:
                vault.sync()
                yield vault

    def _try(self, vault: Vault, files: int) -> None:
        drill = self._drill
        drill.damage += [error for error in vault.troubles if isinstance(error, _WRONG)]
        drill.snapshots = newest_complete(list_snapshots(vault.journal))
        trees = [(each, View(vault, each.body.root)) for each in drill.snapshots]
        found = sample(trees, files, Random(drill.seed), self._stop)
        drill.wrong += [(of, Trouble(each.path, UNREADABLE, str(each.error))) for of, each in found.broken]
        picks = self._chosen(found)
        self._progress.total(files=len(picks))
        for number, pick in enumerate(picks):
            self._restore(pick, self._folder / str(number))
            self._progress.add(files=1)

    def _ask_for_room(self) -> None:
        """For a state like those that this computer has of the vault, before one is made. Raises
        TargetTooSmall.
        """
        sizes = [path.stat().st_size for path in self._session.home.state.glob("state*.db")]
        needed = _STATE_TIMES * max(sizes, default=0)
        if (room := self._room()) < needed:
            raise TargetTooSmall(os.fsencode(self._folder), needed, room)

    def _room(self) -> int:
        space = os.statvfs(self._folder)
        return max(0, space.f_bavail * space.f_frsize - _SPARE)

    def _chosen(self, found: Sample) -> list[Pick]:
        """What fits. Raises TargetTooSmall where not even one file does."""
        room = self._room()
        limit = min(MOST_BYTES, room)
        files = within(found.files, limit, room)
        if found.files and not files:
            needed = min(pick.length for pick in found.files)
            raise TargetTooSmall(os.fsencode(self._folder), needed, room)
        folder = small_folder(found.folders, limit)
        return files if folder is None else [*files, folder]

    def _restore(self, pick: Pick, target: Path) -> None:
        """Restore one file, or one folder with all that is in it, and compare it; nothing of it stays."""
        try:
            plan = plan_restore(pick.view, pick.path, os.fsencode(target), Options(verify=True))
            restored = restore(plan, self._keys, Silent(), self._stop)
            troubles = list(compared(pick, os.fsencode(target), restored))
        except _WRONG as error:
            self._drill.wrong.append((pick.snapshot, Trouble(pick.path, UNREADABLE, str(error))))
            return
        for trouble in troubles:
            into = self._drill.wrong if trouble.error in TRIED else self._drill.untried
            into.append((pick.snapshot, trouble))
        self._drill.files += plan.tally.files + plan.tally.others
        self._drill.folders += plan.tally.folders
        self._drill.bytes += plan.tally.bytes
        remove(target)


def _find_slot(copy: Copy, known: str) -> None:
    """Raises Missing unless the copy holds a key slot that is whole: without one only the recovery code opens
    it.
    """
    for file in copy.list("keys/"):
        with contextlib.suppress(Missing, Damaged, Refused):
            parse_slot(copy.fetch(file.name))
            return
    raise Missing(ids.key_name(bytes.fromhex(known)) if known else "keys", copy.label)


def newest_complete(snapshots: Sequence[Snapshot]) -> list[Snapshot]:
    """The newest complete snapshot of each source; where there is none, the newest. In the order of their
    sources' ids.
    """
    newest: dict[bytes, Snapshot] = {}
    for each in in_order(snapshots):
        before = newest.get(each.body.source)
        if before is None or each.body.complete or not before.body.complete:
            newest[each.body.source] = each
    return [newest[source] for source in sorted(newest)]
