"""What jobs ask of the local state: counted in statements, since each costs more than what it asks about."""

from pathlib import Path

import pytest

from tests.jobs.vaults import Computer, new_vault
from vaultd.jobs.check import check
from vaultd.progress import Silent

FILES = 1000


@pytest.fixture
def computer(tmp_path: Path) -> Computer:
    (tmp_path / "source").mkdir()
    for number in range(FILES):
        (tmp_path / "source" / f"{number:04}").write_bytes(b"content %d" % number)
    computer = new_vault(tmp_path)
    computer.add(tmp_path / "source")
    computer.save("source")
    return computer


def test_a_check_looks_blobs_up_many_at_once(computer: Computer) -> None:
    statements: list[str] = []
    with computer.opened() as session:
        session.vault.state._db.set_trace_callback(statements.append)
        assert check(session.vault, Silent(), lambda: None, read_data=True).sound
    assert sum("FROM blobs" in text for text in statements) < FILES // 20
