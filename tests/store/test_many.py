"""Many small blobs at once: stored as one by one, with less work for each."""

import os
import threading
from collections.abc import Sequence

import pytest

from tests.store.conftest import KEYS, Places
from tests.store.test_packs import some_blobs, write_all
from vaultd.format.box import Row, verify_box
from vaultd.format.keys import Keys
from vaultd.format.limits import CHUNK
from vaultd.store import openbox, packer
from vaultd.store.state import State
from vaultd.store.vault import Vault


def test_many_at_once_are_stored_as_one_by_one(vault: Vault, places: Places) -> None:
    plains = [plain for _, plain in some_blobs(300)]
    known = write_all(vault, [(CHUNK, plain) for plain in plains[:100]])
    sink = vault.sink()
    ids = sink.write_many(CHUNK, plains + plains[150:])
    assert sink.held_of([*ids, bytes(32)]) == set(ids)
    sink.finish()
    assert ids == [KEYS.blob_id(CHUNK, plain) for plain in plains + plains[150:]]
    assert ids[:100] == known
    assert [vault.read(blob_id, CHUNK) for blob_id in ids[:300]] == plains
    assert vault.state.count_blobs() == 300
    assert sum(len(vault.index.read_table(pack, size)) for pack, size in vault.state.packs().items()) == 300
    assert len(places.packs()) == 2


def test_many_blobs_are_looked_up_and_kept_in_few_statements(vault: Vault) -> None:
    """A statement for each blob was an eighth of a first snapshot of small files."""
    statements: list[str] = []
    vault.state._db.set_trace_callback(statements.append)
    write_all(vault, [(CHUNK, b"first")])
    sink = vault.sink()
    statements.clear()
    sink.write_many(CHUNK, [b"%d" % number for number in range(500)])
    assert sum("FROM blobs" in text for text in statements) == 1
    sink.finish()
    assert sum("INTO blobs" in text for text in statements) == 2


def test_the_first_snapshot_asks_for_next_to_no_blob(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openbox, "PACK_SIZE", 20_000)
    asked: list[bytes] = []
    held_of = State.held_of

    def noted(state: State, blob_ids: Sequence[bytes]) -> dict[bytes, bool]:
        asked.extend(blob_ids)
        return held_of(state, blob_ids)

    monkeypatch.setattr(State, "held_of", noted)
    sink = vault.sink()
    plains = [b"%d" % number for number in range(2000)]
    ids = sink.write_many(CHUNK, plains[:1000]) + sink.write_many(CHUNK, plains[1000:])
    assert len(asked) < 20
    # What was delivered in this very run is known all the same.
    assert sink.write_many(CHUNK, plains) == ids
    sink.finish()
    assert vault.state.count_blobs() == 2000


def test_a_pack_of_many_blobs_is_verified_by_who_filled_it(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two threads that both run Python take a third longer than one."""
    threads: list[str] = []

    def noted(view: memoryview, keys: Keys, kind: int) -> list[Row]:
        threads.append(threading.current_thread().name)
        return verify_box(view, keys, kind)

    monkeypatch.setattr(packer, "verify_box", noted)
    for size, count in ((1000, 400), (300_000, 3)):
        sink = vault.sink()
        sink.write_many(CHUNK, [os.urandom(size) for _ in range(count)])
        sink.finish()
    assert threads == [threading.current_thread().name, "packs"]
