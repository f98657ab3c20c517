"""However a check that reads ends, what was read is known, and nothing else is."""

from contextlib import closing
from pathlib import Path

import pytest

from tests.jobs.killed import dies
from tests.jobs.scrubs import DAY, checked, copy_id, times, two_copies_unread
from tests.jobs.test_protect import files
from tests.jobs.vaults import Computer
from vaultd.copies.directory import DirectoryCopy
from vaultd.errors import Unreachable
from vaultd.jobs import scrub
from vaultd.jobs.felt import digest_of
from vaultd.store.ledger import Ledger


@pytest.fixture
def computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Computer:
    return two_copies_unread(tmp_path, monkeypatch)


def test_a_ledger_that_cannot_be_written_stops_no_check(
    computer: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "no room")

    monkeypatch.setattr(Ledger, "_add", full)
    report = checked(computer)
    assert report.sound
    assert report.unread == report.files


def test_a_copy_that_stops_answering_keeps_what_was_read(
    computer: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop, left = DirectoryCopy.drop_cached, [5]

    def gone(copy: DirectoryCopy, *_: object) -> bytes:
        raise Unreachable(copy.label)

    def failing(copy: DirectoryCopy, name: str) -> None:
        left[0] -= 1
        if left[0] < 0:
            patch.setattr(DirectoryCopy, "get", gone)
            raise Unreachable(copy.label)
        drop(copy, name)

    with monkeypatch.context() as patch:
        patch.setattr(DirectoryCopy, "drop_cached", failing)
        with pytest.raises(AssertionError, match="Unreachable"):
            checked(computer)
    assert len(times(computer)) == 5


_CHECK = """
from vaultd.credentials import KeyFile
from vaultd.jobs import scrub
from vaultd.jobs.check import check_copies
from vaultd.jobs.opening import open_vault
from vaultd.jobs.scrub import Part, Scrub
from vaultd.progress import Silent
from vaultd.store import index
from vaultd.settings import find_home
scrub._TOLD_EVERY = 0.0
home = find_home(sys.argv[2])
with open_vault(home, KeyFile(home.device_key_file.read_bytes())) as session:
    sys.addaudithook(count)
    places = session.settings.copies[:1]
    list(check_copies(session, places, Silent(), lambda: None, read_data=True, part=Part()))
"""


def test_a_killed_check_goes_on_where_it_was(computer: Computer, fetched: list[str]) -> None:
    held = files(computer.copy)
    assert dies(_CHECK, ("open",), 2 * len(held), computer.home.state)
    known = times(computer)
    assert 0 < len(known) < len(held)
    report = checked(computer, max_age=DAY)
    assert {digest_of(name) for name in fetched} == {digest_of(name) for name in held} - known.keys()
    assert (report.sound, report.unread) == (True, 0)


def test_the_ledger_is_told_as_it_goes(computer: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrub, "_TOLD_EVERY", 0.0)
    known: list[int] = []
    copy, drop = copy_id(computer), DirectoryCopy.drop_cached

    def counted(held: DirectoryCopy, name: str) -> None:
        with closing(Ledger(computer.home.ledger_file)) as ledger:
            known.append(len(ledger.times(copy)))
        drop(held, name)

    monkeypatch.setattr(DirectoryCopy, "drop_cached", counted)
    checked(computer)
    assert known == list(range(len(known)))
