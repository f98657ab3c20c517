"""A computer with one source, for the daemon to work on."""

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
