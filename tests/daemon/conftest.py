"""A computer with one source, for the daemon to work on."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.jobs.vaults import Computer, new_vault
from vaultd.daemon import tended as tending
from vaultd.daemon.settler import Settler

QUIET = 0.25


@pytest.fixture(autouse=True)
def soon_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quiet after a quarter of a second, so that the tests are not mostly waiting."""
    monkeypatch.setattr(tending, "Settler", partial(Settler, quiet=QUIET))


@pytest.fixture
def computer(tmp_path: Path) -> Computer:
    made = new_vault(tmp_path)
    (tmp_path / "photos" / "2019").mkdir(parents=True)
    (tmp_path / "photos" / "2019" / "a.jpg").write_bytes(b"a")
    made.add(tmp_path / "photos", "photos")
    return made


@pytest.fixture
def roomy(tmp_path: Path) -> Iterator[Path]:
    """An empty folder, in memory where there is one: a disk takes minutes to forget so many files."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    path = Path(tempfile.mkdtemp(prefix="vaultd-test-", dir=memory))
    yield path
    shutil.rmtree(path)
