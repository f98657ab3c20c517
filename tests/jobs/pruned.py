"""Vaults of which something is let go, and clocks that are told what to say."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.compare_trees import differences
from tests.jobs.vaults import Computer
from vaultd.jobs import passing
from vaultd.jobs.passing import Clocks
from vaultd.jobs.prune import Pruned, prune
from vaultd.jobs.session import Session
from vaultd.progress import Silent

HOUR = 3600 * 1_000_000_000
DAY = 24 * HOUR


@dataclass
class Time:
    """What the clocks of all computers of a test say."""

    clocks: Clocks

    def go_on(self, span: int, *, wall: int | None = None) -> None:
        """Time passes while the computer runs; the wall clock may say something else."""
        boot, then, running = self.clocks
        self.clocks = Clocks(boot, then + (span if wall is None else wall), running + span)

    def restart(self, off: int) -> None:
        """Switched off for so long, as the wall clock says, and on again."""
        self.clocks = Clocks(self.clocks.boot + "x", self.clocks.wall + off, 0)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Time:
    """The clocks say what the test says, from now on."""
    found = Time(Clocks("boot", time.time_ns(), 1000 * HOUR))
    monkeypatch.setattr(passing, "read_clocks", lambda: found.clocks)
    monkeypatch.setattr("vaultd.jobs.prune.now_ns", lambda: found.clocks.wall)
    return found


def forget(session: Session, *snapshots: bytes) -> bytes:
    """Put snapshots into the trash."""
    return session.vault.journal.append("forget", {"by": "owner", "snapshots": sorted(snapshots)})[0]


def pruned(computer: Computer, **options: Any) -> Pruned:
    with computer.opened(writing=True) as session:
        return prune(session, Silent(), lambda: None, **options)


def packs(copy: Path) -> set[bytes]:
    """Hashes of the packs that stand on a copy."""
    return {bytes.fromhex(path.name) for path in copy.glob("packs/*/*")}


def fill(folder: Path, names: Sequence[str], seed: int, size: int = 60_000) -> None:
    """Files that nothing compresses, and no other seed makes."""
    random = Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(random.randbytes(size))


def assert_stands(computer: Computer, snapshot: bytes, truth: Path, back: Path) -> None:
    """The snapshot is given back byte for byte, and the copy is sound."""
    assert computer.give_back(back, snapshot.hex()).complete
    assert differences(truth, back, root=True) == []
    assert computer.checked().sound
