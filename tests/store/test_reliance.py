"""A pack that this computer neither wrote nor read back whole is read back before a snapshot relies on it."""

import os
from pathlib import Path

import pytest

from tests.damage import flip
from tests.store.conftest import Places
from tests.store.test_packs import write_all
from vaultd.errors import Damaged, Missing
from vaultd.format.limits import CHUNK
from vaultd.store.vault import Vault

PLAIN = [(CHUNK, os.urandom(50_000)) for _ in range(4)]


def counted(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    read: list[str] = []
    whole = vault.copy.read_back

    def counting(name: str) -> None:
        read.append(name)
        whole(name)

    monkeypatch.setattr(vault.copy, "read_back", counting)
    return read


def stored(vault: Vault) -> int:
    """How many packs it takes to hold what should be there."""
    sink = vault.sink()
    for kind, plain in PLAIN:
        sink.write(kind, plain)
    sink.finish()
    return len(sink.packs)


def test_a_rotten_pack_is_not_relied_on_by_who_does_not_know_it(
    vault: Vault, places: Places, tmp_path: Path
) -> None:
    ids = write_all(vault, PLAIN)
    flip(places.packs()[0], 60_000)
    fresh = places.open(tmp_path / "other.db")
    assert fresh.troubles == []  # its table is right
    assert stored(fresh) == 1
    assert [type(error) for error in fresh.troubles] == [Damaged]
    assert [fresh.read(blob_id, CHUNK) for blob_id in ids] == [plain for _, plain in PLAIN]
    assert stored(fresh) == 0
    fresh.close()


def test_a_pack_that_went_since_the_listing_is_not_relied_on(
    vault: Vault, places: Places, tmp_path: Path
) -> None:
    write_all(vault, PLAIN)
    fresh = places.open(tmp_path / "other.db")
    places.packs()[0].unlink()
    assert stored(fresh) == 1
    assert [type(error) for error in fresh.troubles] == [Missing]
    fresh.close()


def test_each_pack_is_read_back_once(
    vault: Vault, places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_all(vault, PLAIN)
    (pack,) = places.packs()
    for expected in ([f"packs/{pack.name[:2]}/{pack.name}"], []):
        other = places.open(tmp_path / "other.db")
        read = counted(other, monkeypatch)
        assert stored(other) == 0
        other.index.rebuild()  # what is known of blobs may be forgotten
        assert stored(other) == 0
        assert read == expected
        other.close()


def test_what_this_computer_wrote_is_not_read_again(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    write_all(vault, PLAIN)
    read = counted(vault, monkeypatch)
    assert stored(vault) == 0
    assert read == []


def test_a_pack_that_was_gone_is_read_back_again(
    vault: Vault, places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_all(vault, PLAIN)
    (pack,) = places.packs()
    pack.rename(tmp_path / "away")
    vault.sync()
    (tmp_path / "away").rename(pack)
    flip(pack, 60_000)
    vault.sync()
    assert stored(vault) == 1
