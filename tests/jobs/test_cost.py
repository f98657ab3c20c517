"""What jobs ask of the local state: counted in statements, since each costs more than what it asks about."""

import sys
from collections import Counter
from pathlib import Path
from types import FrameType

import pytest

from tests.compare_trees import differences
from tests.jobs.vaults import Computer, new_vault
from vaultd.copies.directory import DirectoryCopy
from vaultd.jobs.check import check
from vaultd.jobs.restore import Options, plan_restore, restore
from vaultd.progress import Silent
from vaultd.tree.snapshots import list_snapshots
from vaultd.tree.view import View

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


def test_a_restore_looks_blobs_up_and_fetches_them_many_at_once(
    computer: Computer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A statement and a read for each file were a third of a restore of small files."""
    fetched: list[str] = []
    get = DirectoryCopy.get

    def counted(copy: DirectoryCopy, name: str, *place: int) -> bytes:
        fetched.append(name)
        return get(copy, name, *place)

    monkeypatch.setattr(DirectoryCopy, "get", counted)
    statements: list[str] = []
    with computer.opened() as session:
        session.vault.state._db.set_trace_callback(statements.append)
        body = list_snapshots(session.vault.journal)[-1].body
        view = View(session.vault, body.root, body.attic)
        plan = plan_restore(view, b"", bytes(tmp_path / "back"), Options())
        assert restore(plan, session.vault.keys, Silent(), lambda: False).tally.files == FILES
    assert sum("FROM blobs" in text for text in statements) < FILES // 10
    assert sum(name.startswith("packs/") for name in fetched) < FILES // 10
    assert differences(tmp_path / "source", tmp_path / "back") == []


def test_a_restore_of_small_files_calls_little_for_each(computer: Computer, tmp_path: Path) -> None:
    """Two hundred calls for each file were half of a restore of small files."""
    calls: Counter[str] = Counter()

    def count(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            calls[frame.f_code.co_qualname] += 1

    with computer.opened() as session:
        body = list_snapshots(session.vault.journal)[-1].body
        view = View(session.vault, body.root, body.attic)
        sys.setprofile(count)
        try:
            plan = plan_restore(view, b"", bytes(tmp_path / "back"), Options())
            restored = restore(plan, session.vault.keys, Silent(), lambda: False)
        finally:
            sys.setprofile(None)
    assert restored.tally.files == FILES
    # 31 or 32: how many pages a folder has hangs on the vault's key.
    assert calls.total() < 36 * FILES, calls.most_common(40)
    assert differences(tmp_path / "source", tmp_path / "back") == []
