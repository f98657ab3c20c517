"""What was written is what is read, whoever reads it and however little is remembered."""

import os
import random
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.store.conftest import KEYS, Places, flip_finished
from vaultd.errors import Damaged, Full, Missing, Refused
from vaultd.format.limits import CHUNK, LIST, PAGE
from vaultd.store import openbox
from vaultd.store.vault import Vault


def write_all(vault: Vault, blobs: list[tuple[int, bytes]]) -> list[bytes]:
    sink = vault.sink()
    ids = [sink.write(kind, plain) for kind, plain in blobs]
    sink.finish()
    return ids


def some_blobs(count: int, seed: int = 1) -> list[tuple[int, bytes]]:
    chosen = random.Random(seed)
    return [
        (chosen.choice((CHUNK, PAGE, LIST)), chosen.randbytes(chosen.randrange(1, 5000)))
        for _ in range(count)
    ]


def test_everything_written_is_read_back_by_a_fresh_machine(
    vault: Vault, places: Places, tmp_path: Path
) -> None:
    blobs = some_blobs(500)
    ids = write_all(vault, blobs)
    stranger = places.open(tmp_path / "other.db")
    for blob_id, (kind, plain) in zip(ids, blobs, strict=True):
        assert stranger.read(blob_id, kind) == plain
        assert (stranger.type_of(blob_id), stranger.length_of(blob_id)) == (kind, len(plain))
    stranger.close()


def test_one_content_is_stored_once_in_a_run_and_over_runs(vault: Vault, places: Places) -> None:
    plain = os.urandom(100_000)
    first, second = write_all(vault, [(CHUNK, plain), (CHUNK, plain)])
    assert first == second
    sink = vault.sink()
    assert sink.holds(first)
    sink.write(CHUNK, plain)
    sink.finish()
    assert sink.packs == []
    assert len(places.packs()) == 1


def test_what_is_on_its_way_can_be_read_already(vault: Vault) -> None:
    sink = vault.sink()
    blob_id = sink.write(PAGE, b"\x90")
    assert sink.read(blob_id, PAGE) == b"\x90"
    assert sink.type_of(blob_id) == PAGE
    assert sink.length_of(blob_id) == 1
    with pytest.raises(Missing):
        sink.read(blob_id, CHUNK)
    sink.finish()
    assert vault.read(blob_id, PAGE) == b"\x90"


def test_a_blob_of_another_type_is_missing(vault: Vault) -> None:
    """A file whose bytes are a page must never be taken for a folder."""
    (as_chunk,) = write_all(vault, [(CHUNK, b"\x90")])
    with pytest.raises(Missing):
        vault.read(as_chunk, PAGE)


def test_packs_are_closed_when_they_are_long_enough(
    vault: Vault, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openbox, "PACK_SIZE", 100_000)
    ids = write_all(vault, [(CHUNK, os.urandom(30_000)) for _ in range(25)])
    assert len(places.packs()) >= 5
    assert all(len(vault.read(blob_id, CHUNK)) == 30_000 for blob_id in ids)


@pytest.mark.parametrize("length", [20_000, 300_000, 1_000_000])
def test_packs_are_closed_where_padding_costs_little(
    vault: Vault, places: Places, length: int, rng: random.Random
) -> None:
    """A pack closed at its first byte past 16 MiB is padded by up to 3 %, and always so if its blobs are
    small.
    """
    plains = [rng.randbytes(rng.randrange(length // 2, length)) for _ in range(120_000_000 // length)]
    write_all(vault, [(CHUNK, plain) for plain in plains])
    sizes = sorted(path.stat().st_size for path in places.packs())
    assert sizes[-1] <= openbox.PACK_SIZE * 5 // 4 + length * 2
    assert sum(sizes) <= sum(map(len, plains)) * 1.01


def test_a_pack_is_full_where_its_padding_is_small_and_at_twenty_mebibytes_in_any_case() -> None:
    mib = 1 << 20
    full = openbox._is_full
    assert not full(13 * mib)  # nothing to pad, but short
    assert full(14 * mib)
    assert not full(14 * mib + 1)
    assert full(14 * mib + (1 << 18) - (1 << 15))
    assert not full(19 * mib + 1)
    assert full(20 * mib + 1)


def test_a_pack_of_tiny_blobs_is_closed_before_what_is_known_of_them_fills_memory(
    vault: Vault, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openbox, "_MOST_BLOBS", 300)
    plains = [b"%d" % number for number in range(1000)]
    write_all(vault, [(CHUNK, plain) for plain in plains])
    assert len(places.packs()) == 4


def test_several_threads_may_write(vault: Vault) -> None:
    sink = vault.sink()
    shared = [os.urandom(2000) for _ in range(200)]
    found: list[list[bytes]] = []
    threads = [
        threading.Thread(target=lambda: found.append([sink.write(CHUNK, p) for p in shared]))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sink.finish()
    assert found[0] == found[1] == found[2] == found[3]
    assert [vault.read(blob_id, CHUNK) for blob_id in found[0]] == shared
    assert vault.state.count_blobs() == 200


def test_a_lost_pack_is_stored_anew(vault: Vault, places: Places) -> None:
    """Deduplicating against what is gone would lose it for good."""
    plain = os.urandom(5000)
    (blob_id,) = write_all(vault, [(CHUNK, plain)])
    memory = vault.folder_memory(b"s" * 16)
    memory.remember(b"", b"look", blob_id)
    memory.commit()
    places.packs()[0].unlink()
    vault.sync()
    assert not vault.sink().holds(blob_id)
    assert vault.folder_memory(b"s" * 16).recall(b"") is None
    with pytest.raises(Missing):
        vault.read(blob_id, CHUNK)
    write_all(vault, [(CHUNK, plain)])
    assert vault.read(blob_id, CHUNK) == plain


def test_damage_is_not_absence(vault: Vault, places: Places) -> None:
    (blob_id,) = write_all(vault, [(CHUNK, os.urandom(5000))])
    pack = places.packs()[0]
    data = bytearray(pack.read_bytes())
    data[200] ^= 1
    pack.chmod(0o600)
    pack.write_bytes(data)
    with pytest.raises(Damaged):
        vault.read(blob_id, CHUNK)


def test_a_failure_stays_and_nothing_more_is_said_to_be_written(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(name: str, data: object) -> None:
        raise Full("disk", 0)

    monkeypatch.setattr(vault.copy, "put", full)
    sink = vault.sink()
    blob_id = sink.write(CHUNK, b"x" * 100)
    with pytest.raises(Full):
        sink.finish()
    with pytest.raises(Full):
        sink.write(CHUNK, b"y")
    with pytest.raises(Full):
        sink.read(blob_id, CHUNK)
    assert not vault.index.holds(blob_id)


@pytest.mark.parametrize("many", [0, 1])
def test_a_bit_that_flips_in_the_buffer_never_leaves(
    vault: Vault, places: Places, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    """Whether it is verified by who filled the pack, or by the thread that puts it."""
    monkeypatch.setattr(openbox, "_MANY", many)
    flip_finished(monkeypatch, 150)
    sink = vault.sink()
    sink.write(CHUNK, os.urandom(1000))
    with pytest.raises(Refused, match="tag"):
        sink.finish()
    sink.abandon()  # no thread is left to other tests
    with pytest.raises(Refused, match="tag"):
        sink.write(CHUNK, b"more")
    assert places.packs() == []


def test_indexes_are_written_now_and_then_and_spare_the_trailers(
    vault: Vault, places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vaultd.store.indexing.PACKS_PER_INDEX", 3)
    ids = [write_all(vault, [(CHUNK, os.urandom(500))])[0] for _ in range(4)]
    assert vault.index.write_indexes() == 4
    assert vault.index.write_indexes() == 0
    read: list[str] = []
    stranger = places.open(tmp_path / "other.db")
    stranger.state.drop_all_packs()
    real = stranger.copy.get

    def noted(name: str, *rest: Any) -> bytes:
        read.append(name)
        return real(name, *rest)

    monkeypatch.setattr(stranger.copy, "get", noted)
    stranger.sync()
    assert not [name for name in read if name.startswith("packs/")]
    assert all(len(stranger.read(blob_id, CHUNK)) == 500 for blob_id in ids)
    stranger.close()


def test_an_index_that_lies_about_a_gone_pack_is_not_believed(
    vault: Vault, places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vaultd.store.indexing.PACKS_PER_INDEX", 1)
    (blob_id,) = write_all(vault, [(CHUNK, os.urandom(500))])
    vault.index.write_indexes()
    places.packs()[0].unlink()
    stranger = places.open(tmp_path / "other.db")
    with pytest.raises(Missing):
        stranger.read(blob_id, CHUNK)
    stranger.close()


def test_the_ids_are_keyed(vault: Vault) -> None:
    (blob_id,) = write_all(vault, [(CHUNK, b"known plain text")])
    assert blob_id == KEYS.blob_id(CHUNK, b"known plain text")


def test_what_lies_in_a_damaged_pack_alone_is_stored_anew_and_still_read(
    vault: Vault, places: Places
) -> None:
    """Else a file whose only chunk rotted would be called saved by every later snapshot."""
    plain, other = os.urandom(5000), os.urandom(5000)
    (blob_id,) = write_all(vault, [(CHUNK, plain)])
    memory = vault.folder_memory(b"s" * 16)
    memory.remember(b"", b"look", blob_id)
    memory.commit()
    name = str(places.packs()[0].relative_to(places.copy))
    vault.index.suspect([name], [])
    assert not vault.index.holds(blob_id)
    assert vault.folder_memory(b"s" * 16).recall(b"") is None
    assert vault.read(blob_id, CHUNK) == plain
    write_all(vault, [(CHUNK, plain), (CHUNK, other)])
    assert len(places.packs()) == 2
    vault.close()
    vault = places.open()
    assert vault.index.holds(blob_id)
    vault.index.suspect([], [name])
    assert vault.index.holds(blob_id)
    vault.close()
