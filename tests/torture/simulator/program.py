"""The only place where the simulator touches the program: each verb as the command does it, and what it said.

Randomness and the clock are ours, so that a history repeats byte for byte.
"""

import contextlib
import os
import random
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

from tests.torture.simulator.media import Slots
from tests.torture.simulator.truth import Contents, contents_of
from vaultd.capture.births import Births
from vaultd.copies import locating
from vaultd.copies.locating import Location
from vaultd.credentials import KeyFile
from vaultd.errors import Missing, VaultdError
from vaultd.format import seal
from vaultd.format.keys import Keys, new_vault_id
from vaultd.format.slot import format_key_file
from vaultd.jobs.beginning import begin_writing
from vaultd.jobs.check import Report, check_copies
from vaultd.jobs.elsewhere import from_anywhere
from vaultd.jobs.enrolling import add_copy, copy_added, find_copy, retire_copy
from vaultd.jobs.heal import accept, heal_all
from vaultd.jobs.init import attach
from vaultd.jobs.keys import add_slot
from vaultd.jobs.opening import open_for_writing, open_other, open_vault
from vaultd.jobs.protect import Reached, protect
from vaultd.jobs.restore import Options, plan_restore, restore
from vaultd.jobs.session import Session
from vaultd.jobs.snapshot import take_snapshot
from vaultd.jobs.sources import Wanted, add_source, my_sources
from vaultd.jobs.status import status
from vaultd.progress import Silent
from vaultd.settings import Place, Settings, find_home, save
from vaultd.store.ledger import Ledger
from vaultd.store.state import State
from vaultd.store.vault import Vault
from vaultd.tree.snapshots import Snapshot, list_snapshots
from vaultd.tree.view import View


@dataclass
class Said:
    """What one verb claimed. `away` are copies that it could not use, and why; `unmended` what it said of
    files that healing left, by copy; `forgot` a copy of which nothing counts as read back; `raised` is how it
    ended, where it ended badly.
    """

    levels: list[str] = field(default_factory=list)
    snapshot: Snapshot | None = None
    used: str = ""
    away: dict[str, VaultdError | None] = field(default_factory=dict)
    reports: dict[str, Report] = field(default_factory=dict)
    errors: list[VaultdError] = field(default_factory=list)
    unmended: list[tuple[str, VaultdError]] = field(default_factory=list)
    given: dict[bytes, Contents | None] = field(default_factory=dict)
    raised: VaultdError | None = None
    stopped: bool = False
    forgot: str = ""


class Stop:
    """Interrupts a job when it asks for the `after`th time whether it shall stop."""

    def __init__(self, after: int | None) -> None:
        self._left = after

    def __call__(self) -> None:
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise KeyboardInterrupt

    def says(self) -> bool:
        self()
        return False


class Program:
    """One computer and its vault: a home in `work`, and the source that it saves."""

    def __init__(self, work: Path) -> None:
        self.work, self.home = work, find_home(str(work / "home"))
        self.source = work / "source"
        self.key = KeyFile(format_key_file(bytes(range(32))).encode())
        self.ids: dict[str, bytes] = {}
        self.slot = ""
        self.keys: Keys

    # Once.

    def init(self, first: str, others: dict[str, str], before: Callable[[Keys], None]) -> None:
        """A vault with these copies, label to URL of each, opened by key files alone; `before` anything is
        written the keys are told.
        """
        where = Location(first)
        copy = locating.create_copy(where, new_vault_id(), os.urandom(16), "one")
        self.keys = Keys.from_master(os.urandom(32), copy.vault_id)
        before(self.keys)
        settings = Settings(copy.vault_id, (Place("one", first, copy.copy_id),))
        save(self.home, settings)
        vault = Vault(copy, self.keys, State(self.home.state_file, copy.vault_id))
        with contextlib.closing(vault):
            vault.sync()
            session = Session(self.home, settings, vault)
            begin_writing(session)
            self.slot = "keys/" + add_slot(session, self.key, "ours")
            add_slot(session, KeyFile(format_key_file(bytes(32)).encode()), "another's")
            vault.journal.append("copy-added", copy_added(copy))
            # By a path that is the same wherever `work` is, or no history would repeat.
            with mock.patch.object(os.path, "realpath", os.fspath):
                add_source(session, Wanted(b"/proc/self/cwd/source", "source"))
        self.ids["one"] = copy.copy_id
        with self._writing() as session:
            for label, url in others.items():
                self.ids[label] = add_copy(session, Location(url), label).copy_id
            protect(session, Silent(), Stop(None))

    # Verbs.

    def snapshot(self, said: Said, stop: Stop, acknowledged: Callable[[Snapshot], None]) -> None:
        with self._writing(said) as session:
            for source in my_sources(session):
                taken = take_snapshot(session, source, Silent(), stop.says)
                said.snapshot = taken.snapshot
                acknowledged(taken.snapshot)
            said.errors += session.vault.troubles
            self._reached(said, session, protect(session, Silent(), stop))

    def sync(self, said: Said, stop: Stop, only: str | None = None) -> None:
        with self._writing(said) as session:
            self._reached(said, session, protect(session, Silent(), stop, self._place(session, only)))

    def check(
        self, said: Said, stop: Stop, label: str | None = None, *, read_data: bool = True, heals: bool = True
    ) -> None:
        with open_vault(self.home, self.key) as session:
            said.used = session.place.label
            places = [place for place in session.settings.copies if label in (None, place.label)]
            looked_at = check_copies(session, places, Silent(), stop, read_data=read_data, heals=heals)
            for place, found in looked_at:
                if isinstance(found, VaultdError):
                    said.away[place.label] = found
                    continue
                said.reports[place.label] = found
                said.errors += found.damage
                said.unmended += [(place.label, error) for error in found.unhealed]

    def accept(self, said: Said, stop: Stop, label: str) -> None:
        with self._writing(said) as session:
            place = find_copy(session.settings, label)
            accept(session, place.copy_id)
            said.forgot = label
            protect(session, Silent(), stop, place)
            healed = heal_all(session, place, Silent(), stop)
            said.unmended += [(label, error) for error in healed.left]
            if healed.names:
                self._reached(said, session, protect(session, Silent(), stop, place))

    def replace(self, said: Said, stop: Stop, label: str, url: str) -> None:
        """Give a copy up whose medium is lost, and begin it anew in its place."""
        with self._writing(said) as session:
            if any(place.label == label for place in session.settings.copies):
                retire_copy(session, find_copy(session.settings, label), force=True)
            said.forgot = label
            self.ids[label] = add_copy(session, Location(url), label).copy_id
            self._reached(said, session, protect(session, Silent(), stop))

    def status(self, said: Said) -> None:
        with open_vault(self.home, self.key) as session:
            said.used, found = session.place.label, status(session)
        said.levels += [found.level, *(source.level for source in found.sources if source.level)]
        said.away |= {copy.place.label: copy.error for copy in found.copies if copy.error}

    def give_back(self, said: Said, label: str, wanted: set[bytes]) -> None:
        """Read these snapshots, as far as this copy lists them, from it and where it fails from others."""
        with open_vault(self.home, self.key) as session, contextlib.ExitStack() as stack:
            said.used = session.place.label
            place = find_copy(session.settings, label)
            blobs = stack.enter_context(from_anywhere(session))
            vault = session.vault
            if place.copy_id != vault.copy.copy_id:
                vault = stack.enter_context(open_other(session, place))
            for each in list_snapshots(vault.journal):
                if each.id in wanted:
                    said.given[each.id] = self._read(said, View(blobs, each.body.root))

    def _read(self, said: Said, view: View) -> Contents | None:
        try:
            return contents_of(view)
        except VaultdError as error:
            said.errors.append(error)
            return None

    def give_back_anew(self, url: str, wanted: bytes, target: Path) -> Contents | None:
        """A new computer that finds one copy restores a snapshot by the command. None: it is not listed."""
        home = find_home(str(target / "home"))
        attach(home, Location(url), self.key, "found")
        with open_vault(home, self.key) as session:
            found = {each.id: each for each in list_snapshots(session.vault.journal)}
            if wanted not in found:
                return None
            view = View(session.vault, found[wanted].body.root)
            plan = plan_restore(view, b"", os.fsencode(target / "back"), Options())
            restored = restore(plan, session.vault.keys, Silent(), lambda: False)
            if not restored.complete:
                raise Missing("of a restore")
        return read_folder(target / "back")

    # What it believes.

    def matched(self, label: str) -> set[bytes]:
        with contextlib.closing(Ledger(self.home.ledger_file)) as ledger:
            return ledger.matched(self.ids[label])

    def heads(self, label: str) -> dict[bytes, tuple[int, bytes]]:
        with contextlib.closing(Ledger(self.home.ledger_file)) as ledger:
            return ledger.heads(self.ids[label])

    def lose(self, what: str) -> None:
        """Local state is gone: "state", "ledger" or "all"; the file that says which device this is stays."""
        patterns = {"state": ["state*.db*"], "ledger": ["ledger.db*"], "all": ["state*.db*", "ledger.db*"]}
        for pattern in patterns[what]:
            for path in self.home.state.glob(pattern):
                path.unlink()

    @contextlib.contextmanager
    def _writing(self, said: Said | None = None) -> Iterator[Session]:
        with open_for_writing(self.home, self.key) as session:
            if said is not None:
                said.used = session.place.label
            yield session

    @staticmethod
    def _place(session: Session, label: str | None) -> Place | None:
        return None if label is None else find_copy(session.settings, label)

    @staticmethod
    def _reached(said: Said, session: Session, reached: Reached) -> None:
        said.used = session.place.label
        said.levels.append(reached.level)
        said.away |= {each.place.label: each.error for each in reached.behind}
        said.errors += reached.damage


def read_folder(top: Path) -> Contents:
    files = (path for path in top.rglob("*") if path.is_file())
    return {os.fsencode(path.relative_to(top)): path.read_bytes() for path in files}


class Chance:
    """Stands for the system's randomness and clock, which goes a millisecond further each time that it is
    asked. It begins after the time of every file here.
    """

    def __init__(self) -> None:
        self._random = random.Random()
        self.began = self.clock = 2 * 10**18

    def begin(self, seed: str) -> None:
        self._random = random.Random(seed)

    def draw(self, length: int | None = None) -> bytes:
        return self._random.randbytes(32 if length is None else length)

    def now(self) -> int:
        self.clock += 10**6
        return self.clock


@contextlib.contextmanager
def ours(slots: Slots) -> Iterator[Chance]:
    """The program's places, randomness and clock are the simulator's."""
    chance, elsewhere, unchanged = Chance(), locating._kind, Births.of_unchanged
    seal._seen.clear()  # what another history drew

    def kind(where: Location) -> locating.Kind:
        return slots if where.scheme == "sim" else elsewhere(where)

    with contextlib.ExitStack() as stack:
        for place, name, new in (
            (locating, "_kind", kind),
            (os, "urandom", chance.draw),
            (secrets, "token_bytes", chance.draw),
            (secrets, "token_hex", lambda n=None: chance.draw(n).hex()),
            (time, "time_ns", chance.now),
            (Births, "_birth", lambda *_: None),
            (Births, "of_unchanged", lambda births, *seen: (unchanged(births, *seen)[0], None)),
        ):
            stack.enter_context(mock.patch.object(place, name, new))
        yield chance
