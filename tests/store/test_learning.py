"""A machine that lost its state learns what a copy holds: in few transactions, and it goes on where it was
stopped.
"""

import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.store.conftest import KEYS, Places
from tests.store.test_packs import write_all
from vaultd.format.box import Row
from vaultd.format.limits import CHUNK
from vaultd.store import tables
from vaultd.store.index import BlobIndex
from vaultd.store.state import State, StateLost
from vaultd.store.tables import PackRows
from vaultd.store.vault import Vault

PACKS = 12
IN_PACK = 20


@pytest.fixture
def filled(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """A copy of 12 packs, all but two of them in an index file; the ids of its blobs."""
    monkeypatch.setattr("vaultd.store.indexing.PACKS_PER_INDEX", 3)
    found: list[bytes] = []
    for number in range(PACKS):
        found += write_all(vault, [(CHUNK, os.urandom(50)) for _ in range(IN_PACK)])
        if number == PACKS - 3:
            assert vault.index.write_indexes() == PACKS - 2
    return found


def rows_of(path: Path) -> tuple[list[Any], list[Any]]:
    """Everything that is known of packs and blobs, whatever their numbers are."""
    blobs = "SELECT b.id, p.digest, b.number, b.offset, b.type, b.codec, b.sealed, b.plain"
    with closing(sqlite3.connect(path)) as db:
        packs = db.execute("SELECT digest, size FROM packs ORDER BY 1").fetchall()
        return packs, db.execute(
            f"{blobs} FROM blobs b JOIN packs p ON b.pack = p.number ORDER BY 1"
        ).fetchall()


def has_index(state: State) -> bool:
    return bool(state._rows("SELECT 1 FROM sqlite_master WHERE type = 'index' AND tbl_name = 'blobs'"))


def fresh(places: Places, path: Path) -> Vault:
    """A vault whose state is empty and not yet filled."""
    vault = places.open(path)
    vault.state.reset()
    return vault


@pytest.mark.usefixtures("filled")
def test_what_is_learned_is_what_was_known_pack_by_pack(vault: Vault, places: Places, tmp_path: Path) -> None:
    places.open(tmp_path / "other.db").close()
    vault.close()
    assert rows_of(tmp_path / "other.db") == rows_of(places.state)
    assert len(rows_of(places.state)[1]) == PACKS * IN_PACK


@pytest.mark.usefixtures("filled")
def test_many_packs_are_one_transaction_and_one_index(places: Places, tmp_path: Path) -> None:
    """A transaction for each pack, with ids all over a large tree, took ten times as long for a million."""
    stranger = fresh(places, tmp_path / "other.db")
    statements: list[str] = []
    stranger.state._db.set_trace_callback(statements.append)
    stranger.index.sync()
    begun = [text for text in statements if text.startswith("BEGIN")]
    assert len(begun) == 2  # the index is dropped; all packs are added
    assert [text.split()[0] for text in statements if "blobs_by_id ON" in text] == ["CREATE"]
    made = next(number for number, text in enumerate(statements) if "blobs_by_id ON" in text)
    assert max(number for number, text in enumerate(statements) if "INTO blobs" in text) < made
    stranger.close()


def test_few_new_packs_leave_the_index_as_it_is(vault: Vault, places: Places, filled: list[bytes]) -> None:
    other = places.open(places.folder / "other.db")
    (new,) = write_all(vault, [(CHUNK, b"one more")])
    statements: list[str] = []
    other.state._db.set_trace_callback(statements.append)
    other.index.sync()
    assert not [text for text in statements if "INDEX" in text]
    assert all(map(other.index.holds, [new, *filled]))
    other.close()


def test_blobs_are_found_by_the_index(vault: Vault, filled: list[bytes]) -> None:
    (plan,) = vault.state._rows("EXPLAIN QUERY PLAN SELECT plain FROM blobs WHERE id = ?", filled[0])
    assert "USING INDEX blobs_by_id" in plan[3]


def stopped_after(count: int, ends: BaseException) -> Callable[[State, Any], None]:
    """`State.add_packs` that adds a few groups, and then the process ends."""
    left = [count]
    real = State.add_packs

    def add_packs(state: State, packs: list[PackRows]) -> None:
        if not left[0]:
            raise ends
        left[0] -= 1
        real(state, packs)

    return add_packs


@pytest.mark.parametrize("groups", [0, 1, 5, 9])
def test_half_learned_state_goes_on(
    vault: Vault,
    places: Places,
    tmp_path: Path,
    filled: list[bytes],
    monkeypatch: pytest.MonkeyPatch,
    groups: int,
) -> None:
    monkeypatch.setattr(tables, "ROWS_TOGETHER", IN_PACK)
    path = tmp_path / "other.db"
    stranger = fresh(places, path)
    with monkeypatch.context() as stopping:
        stopping.setattr(State, "add_packs", stopped_after(groups, KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            stranger.index.sync()
    assert len(stranger.state.packs()) == groups
    assert not has_index(stranger.state)
    stranger.close()
    learned: list[bytes] = []
    real = State.add_packs

    def noted(state: State, packs: list[PackRows]) -> None:
        learned.extend(pack.digest for pack in packs)
        real(state, packs)

    monkeypatch.setattr(State, "add_packs", noted)
    stranger = places.open(path)
    assert len(learned) == PACKS - groups
    assert has_index(stranger.state)
    assert all(map(stranger.index.holds, filled))
    stranger.close()
    vault.close()
    assert rows_of(path) == rows_of(places.state)


def test_what_is_known_of_packs_is_all_or_nothing(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    packs = vault.state.packs()
    monkeypatch.setattr(tables, "_placed", stopped_after(0, KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        vault.state.add_packs([PackRows(b"p" * 32, 1000, [])])
    assert vault.state.packs() == packs


@pytest.fixture
def stop_soon() -> Iterator[Callable[[], None]]:
    """Has a signal sent to this process in a moment, as from somebody who presses Ctrl-C."""
    before = signal.signal(signal.SIGUSR1, signal.default_int_handler)
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGUSR1))
    yield timer.start
    timer.join()
    signal.signal(signal.SIGUSR1, before)


ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT COUNT(*) FROM n"


def test_a_stop_while_the_index_is_made_is_heard_and_no_damage(
    places: Places,
    tmp_path: Path,
    filled: list[bytes],
    monkeypatch: pytest.MonkeyPatch,
    stop_soon: Callable[[], None],
) -> None:
    stranger = fresh(places, tmp_path / "other.db")

    def for_ever(db: sqlite3.Connection) -> None:
        stop_soon()
        db.execute(ENDLESS)

    with monkeypatch.context() as stopping:
        stopping.setattr(tables, "make_index", for_ever)
        with pytest.raises(KeyboardInterrupt):
            stranger.index.sync()
    assert len(stranger.state.packs()) == PACKS
    assert not has_index(stranger.state)
    stranger.index.sync()
    assert has_index(stranger.state)
    assert all(map(stranger.index.holds, filled))
    stranger.close()


@pytest.mark.usefixtures("filled")
def test_a_pack_that_is_known_stays_as_it_is(vault: Vault) -> None:
    before = vault.state.count_blobs(), len(vault.state._rows("SELECT 1 FROM blobs"))
    for digest, size in vault.state.packs().items():
        vault.index.learn(digest, size, vault.index.read_table(digest, size))
    assert (vault.state.count_blobs(), len(vault.state._rows("SELECT 1 FROM blobs"))) == before


def test_packs_that_went_away_take_their_rows_along_at_once(
    vault: Vault, places: Places, filled: list[bytes]
) -> None:
    for pack in places.packs()[:5]:
        pack.unlink()
    statements: list[str] = []
    vault.state._db.set_trace_callback(statements.append)
    vault.sync()
    assert sum("DELETE FROM blobs" in text for text in statements) == 1
    assert vault.state.count_blobs() == (PACKS - 5) * IN_PACK
    assert sum(map(vault.index.holds, filled)) == (PACKS - 5) * IN_PACK


@pytest.mark.usefixtures("filled")
def test_what_must_be_sorted_goes_beside_the_state(places: Places, tmp_path: Path) -> None:
    """/tmp may be memory, or small."""
    folder = tmp_path / "it's here"
    stranger = fresh(places, folder / "other.db")
    stranger.index.sync()
    assert stranger.state._rows("PRAGMA temp_store_directory") == [(str(folder),)]
    stranger.close()


def test_a_file_that_forgot_what_its_key_is_takes_no_rows(places: Places, tmp_path: Path) -> None:
    """With one flipped bit that word is part of a type, and no number fits a row any more: packs would be
    known whose blobs nobody finds.
    """
    path = tmp_path / "other.db"
    places.open(path).close()
    data = path.read_bytes()
    assert data.count(b"number INTEGER PRIMARY KEY") == 1
    path.write_bytes(data.replace(b"INTEGER PRIMARY", b"INTEGER PRIMASY"))
    state = State(path, KEYS.vault_id)
    packs = [PackRows(b"p" * 32, 1000, [Row(b"i" * 32, CHUNK, 0, 66, 50)])]
    with pytest.raises(StateLost):
        state.add_packs(packs)
    state.add_packs(packs)
    assert [place.pack for place in state.places(b"i" * 32)] == [b"p" * 32]
    state.close()


def test_a_group_is_as_large_as_a_transaction_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "ROWS_TOGETHER", 10)
    rows: list[Any] = [None] * 4
    packs = [PackRows(bytes([number]), 1, rows) for number in range(7)]
    packs[3] = packs[3]._replace(rows=rows * 5)
    assert [len(group) for group in tables.together(packs)] == [3, 1, 3]
    assert list(tables.together([])) == []


@pytest.mark.usefixtures("filled")
def test_trailers_are_not_read_of_what_an_index_lists(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[bytes] = []
    real = BlobIndex.read_table

    def noted(index: BlobIndex, digest: bytes, size: int) -> Sequence[Row]:
        read.append(digest)
        return real(index, digest, size)

    monkeypatch.setattr(BlobIndex, "read_table", noted)
    places.open(tmp_path / "other.db").close()
    assert len(read) == 2


def test_what_is_put_aside_is_still_there_after_learning(
    vault: Vault, filled: list[bytes], places: Places, tmp_path: Path
) -> None:
    """A temporary table that went away looked like damage, and all that was learned was thrown away."""
    stranger = fresh(places, tmp_path / "stranger.db")
    state = stranger.state
    state.stage([(b"path", b"look", b"content")])
    stranger.sync()
    state.keep_staged(b"source", (), state.doubts())
    assert state.recall(b"source", b"path") == (b"look", b"content")
    assert len(state.packs()) == PACKS
    stranger.close()
