"""A vault whose copy has parity, for tests: turned on and off, checked, and what stands there."""

from pathlib import Path

from tests.jobs.vaults import Computer
from vaultd.jobs.check import Report, check_copies
from vaultd.jobs.enrolling import find_copy
from vaultd.jobs.parity import cover_place, drop_parity, set_parity
from vaultd.progress import Silent


def turned(computer: Computer, label: str, *, on: bool) -> None:
    """Parity is kept in a copy from now on, and made; or it is removed."""
    with computer.opened(writing=True) as session:
        place = set_parity(session, find_copy(session.settings, label), on=on)
        if on:
            done = cover_place(session, place, Silent(), lambda: None)
            assert (done.error, done.damage, done.amiss) == (None, [], False)
        else:
            drop_parity(session.home, session.vault.copy)


def checked(computer: Computer, *, heals: bool = True, read_data: bool = True, only: str = "main") -> Report:
    with computer.opened() as session:
        places = [find_copy(session.settings, only)]
        ((_, report),) = check_copies(
            session, places, Silent(), lambda: None, read_data=read_data, heals=heals
        )
    assert isinstance(report, Report), report
    return report


def parity(copy: Path) -> list[Path]:
    return sorted((copy / "parity").iterdir(), key=lambda path: (path.stat().st_size, path.name))
