"""Real vaults for tests of jobs: folders, one copy, and computers that use it. A key file opens them,
since that costs no Argon2.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vaultd.copies.locating import Location
from vaultd.credentials import KeyFile, Passphrase, RecoveryCode
from vaultd.format.keys import new_master
from vaultd.format.words import ENGLISH, recovery_words
from vaultd.jobs.check import Report, check
from vaultd.jobs.init import attach, create_vault
from vaultd.jobs.keys import unlock_computer
from vaultd.jobs.opening import open_for_writing, open_vault
from vaultd.jobs.restore import Options, Restored, plan_restore, restore
from vaultd.jobs.session import Session
from vaultd.jobs.snapshot import Taken, take_snapshot
from vaultd.jobs.sources import Wanted, add_source
from vaultd.progress import Silent
from vaultd.settings import Home, find_home
from vaultd.tree.selectors import select
from vaultd.tree.snapshots import Snapshot, list_snapshots
from vaultd.tree.sources import Source, find_source, list_sources
from vaultd.tree.view import View

PASSPHRASE = Passphrase("correct horse battery staple")
RECOVER = Path(__file__).parents[2] / "docs" / "recover.py"


@dataclass(frozen=True)
class Computer:
    """One home that uses the vault whose copy is in `copy`; `key` is a file that opens it."""

    home: Home
    copy: Path
    key: Path

    @contextmanager
    def opened(self, *, writing: bool = False, away: bool = False) -> Iterator[Session]:
        enter = open_for_writing if writing else open_vault
        with enter(self.home, KeyFile(self.key.read_bytes()), away=away) as session:
            yield session

    def add(self, path: Path, name: str | None = None, **wanted: Any) -> Source:
        with self.opened(writing=True) as session:
            return add_source(session, Wanted(os.fsencode(path), name, **wanted))

    def save(self, name: str, *, away: bool = False, **options: Any) -> Taken:
        """The next snapshot of a source; `options` are those of `take_snapshot`."""
        with self.opened(writing=True, away=away) as session:
            source = find_source(list_sources(session.vault.journal), name)
            return take_snapshot(session, source, Silent(), lambda: False, **options)

    def snapshots(self) -> list[Snapshot]:
        with self.opened() as session:
            return list_snapshots(session.vault.journal)

    @contextmanager
    def view(self, words: str = "latest") -> Iterator[View]:
        with self.opened() as session:
            body = select(list_snapshots(session.vault.journal), words).body
            yield View(session.vault, body.root, body.attic)

    def give_back(self, target: Path, words: str = "latest", path: bytes = b"", **options: Any) -> Restored:
        with self.opened() as session:
            body = select(list_snapshots(session.vault.journal), words).body
            view = View(session.vault, body.root, body.attic)
            plan = plan_restore(view, path, os.fsencode(target), Options(**options))
            return restore(plan, session.vault.keys, Silent(), lambda: False)

    def checked(self, *, read_data: bool = True) -> Report:
        with self.opened() as session:
            return check(session.vault, Silent(), lambda: None, read_data=read_data)

    def recover(self, *words: str | Path) -> "subprocess.CompletedProcess[str]":
        """docs/recover.py, as a stranger would run it."""
        return subprocess.run(
            [sys.executable, str(RECOVER), *map(str, words), "--key-file", str(self.key)],
            capture_output=True,
            text=True,
            errors="backslashreplace",
            check=False,
            timeout=600,
        )

    def recovered(self, target: Path, words: str = "latest") -> None:
        """All of one snapshot by docs/recover.py; AssertionError unless it says that it has everything."""
        done = self.recover("restore", self.copy, words, target)
        assert done.returncode == 0, done.stderr

    def another(self, folder: Path) -> "Computer":
        """A second computer on the same copy."""
        home = find_home(str(folder))
        attach(home, Location(str(self.copy)), KeyFile(self.key.read_bytes()), "main")
        return Computer(home, self.copy, self.key)


def new_vault(work: Path) -> Computer:
    """A vault in `work`: its copy, the home of one computer, and a key file."""
    home, copy, master = find_home(str(work / "home")), work / "copy", new_master()
    create_vault(home, Location(str(copy)), master, PASSPHRASE, "main")
    code = RecoveryCode(" ".join(recovery_words(master, ENGLISH)))
    with open_for_writing(home, code) as session:
        unlock_computer(session, "test")
    return Computer(home, copy, home.device_key_file)
