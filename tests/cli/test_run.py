"""How a command opens the vault."""

import os
from pathlib import Path

import pytest
from vaultd_cli.run import Run

from vaultd.copies.locating import Location
from vaultd.credentials import Passphrase
from vaultd.errors import Busy, NeedsPassphrase, NoVault, WrongKey
from vaultd.jobs.init import create_vault
from vaultd.jobs.keys import unlock_computer
from vaultd.settings import find_home
from vaultd.store.lock import writer_lock

WORDS = "four words that fit"


@pytest.fixture(autouse=True)
def _keep_this_process_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vaultd.hardening.keep_memory_private", lambda: None)


@pytest.fixture
def given(home: Path, tmp_path: Path) -> str:
    """A vault, and the file with its passphrase."""
    create_vault(find_home(), Location(str(tmp_path / "copy")), os.urandom(32), Passphrase(WORDS), "disk")
    path = tmp_path / "passphrase"
    path.write_text(WORDS + "\n")
    path.chmod(0o600)
    return str(path)


def test_without_a_vault_nobody_is_asked(home: Path) -> None:
    with pytest.raises(NoVault), Run().vault():
        pass


def test_a_passphrase_that_was_handed_over(given: str) -> None:
    lock = find_home().lock_file
    with Run(json=True, passphrase_file=given).vault(), writer_lock(lock):
        pass  # a reader does not keep a writer out
    with Run(json=True, passphrase_file=given).vault(writing=True), pytest.raises(Busy), writer_lock(lock):
        pass


def test_a_wrong_one_is_refused(given: str, tmp_path: Path) -> None:
    with pytest.raises(WrongKey), Run(passphrase_command="echo wrong").vault():
        pass


def test_the_key_that_was_left_on_this_computer(given: str) -> None:
    with Run(json=True, passphrase_file=given).vault(writing=True) as session:
        unlock_computer(session, "this computer")
    with Run(json=True).vault() as session:
        assert session.vault
    find_home().device_key_file.unlink()
    with pytest.raises(NeedsPassphrase), Run(json=True).vault():
        pass


def test_a_second_writer_is_told_before_it_is_asked(given: str) -> None:
    with (
        writer_lock(find_home().lock_file),
        pytest.raises(Busy) as caught,
        Run(json=True).vault(writing=True),
    ):
        pass
    assert caught.value.pid == os.getpid()


def test_what_fails_inside_is_not_taken_for_a_wrong_key(given: str) -> None:
    with Run(json=True, passphrase_file=given).vault(writing=True) as session:
        unlock_computer(session, "this computer")
    tries = []

    def command() -> None:
        with Run(json=True).vault():
            tries.append(1)
            raise WrongKey

    with pytest.raises(WrongKey):
        command()
    assert tries == [1]
