"""Vaults that are made without the command line, for tests of commands that need one."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cli.runner import environment
from vaultd.copies.locating import Location
from vaultd.credentials import Passphrase
from vaultd.format.keys import new_master
from vaultd.jobs.init import create_vault
from vaultd.jobs.keys import unlock_computer
from vaultd.jobs.opening import open_for_writing, open_vault
from vaultd.jobs.ownkey import own_key
from vaultd.jobs.session import Session
from vaultd.jobs.snapshot import take_snapshot
from vaultd.jobs.sources import Wanted, add_source
from vaultd.progress import Silent
from vaultd.settings import find_home

PASSPHRASE = Passphrase("correct horse battery")


@dataclass(frozen=True)
class World:
    """A vault in a folder of its own, unlocked for this computer: `home`, `vault`, `source`."""

    work: Path

    def vaultd(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        known = environment(self.work) | {"VAULTD_HOME": str(self.work / "home")} | variables
        return subprocess.run(
            ["vaultd", *words],
            cwd=self.work,
            env=known,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            start_new_session=True,
            check=False,
            timeout=120,
        )

    @contextmanager
    def opened(self) -> Iterator[Session]:
        home = find_home(str(self.work / "home"))
        key = own_key(home)
        assert key is not None
        with open_vault(home, key) as session:
            yield session


def make(work: Path, files: dict[str, bytes], name: str = "照片") -> World:
    source = work / "source"
    for path, data in files.items():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_bytes(data)
    home = find_home(str(work / "home"))
    create_vault(home, Location(str(work / "vault")), new_master(), PASSPHRASE, "main")
    with open_for_writing(home, PASSPHRASE) as session:
        unlock_computer(session, "here")
        added = add_source(session, Wanted(os.fsencode(source), name))
        take_snapshot(session, added, Silent(), lambda: False)
    return World(work)


def whole_world(work: Path) -> World:
    """Two folders, and a file of several chunks beside them."""
    files = {"bad/one": b"1" * 40, "bad/two": b"2" * 40, "good/three": b"three\n", "big": os.urandom(9 << 20)}
    return make(work, files)


def copy_of(world: World, work: Path) -> World:
    """The vault and home of a world in another folder, where they may be damaged."""
    for name in ("home", "vault"):
        shutil.copytree(world.work / name, work / name)
    settings = work / "home" / "config.toml"
    settings.write_text(settings.read_text().replace(str(world.work), str(work)))
    return World(work)
