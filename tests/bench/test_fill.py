"""A vault that was filled is one that vaultd finds whole, and learns from its index files."""

from pathlib import Path
from typing import NoReturn

import pytest

from bench.fill import _IN_PACK, fill
from tests.store.conftest import KEYS, Places
from vaultd.format.limits import CHUNK
from vaultd.jobs.check import check
from vaultd.progress import Silent
from vaultd.store.index import BlobIndex

BLOBS = 3 * _IN_PACK - 5


def test_what_was_filled_in_is_there_and_whole(tmp_path: Path) -> None:
    places = Places(tmp_path)
    empty = places.open()
    fill(empty.copy, KEYS, BLOBS)
    empty.close()
    vault = places.open()
    assert (len(vault.state.packs()), vault.state.count_blobs()) == (3, 3 * _IN_PACK)
    last = (3 * _IN_PACK - 1).to_bytes(8, "little")
    assert vault.read(KEYS.blob_id(CHUNK, last), CHUNK) == last
    assert check(vault, Silent(), lambda: None, read_data=True).sound
    vault.close()


def test_it_is_learned_from_the_index_and_not_from_each_pack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = Places(tmp_path)
    empty = places.open()
    fill(empty.copy, KEYS, BLOBS)
    empty.close()

    def read_table(_index: BlobIndex, digest: bytes, _size: int) -> NoReturn:
        raise AssertionError(f"read the pack {digest.hex()}")

    monkeypatch.setattr(BlobIndex, "read_table", read_table)
    vault = places.open()
    assert len(vault.state.packs()) == 3
    vault.close()
