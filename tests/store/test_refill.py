"""While local state is filled again, by any thread or process, nothing that is there is called missing."""

import threading
from collections.abc import Iterator

import pytest

from tests.store.conftest import Places
from tests.store.test_packs import write_all
from vaultd.copies.contract import Stored
from vaultd.copies.directory import DirectoryCopy
from vaultd.errors import Damaged, Missing
from vaultd.format.limits import CHUNK
from vaultd.store.vault import Vault

LOST, THERE = b"lost" * 20, b"there" * 20


@pytest.fixture
def chunks(vault: Vault, places: Places) -> list[bytes]:
    """The ids of one chunk that is damaged and one that is whole, each in a pack of its own."""
    (lost,) = write_all(vault, [(CHUNK, LOST)])
    (damaged,) = places.packs()
    (there,) = write_all(vault, [(CHUNK, THERE)])
    data = bytearray(damaged.read_bytes())
    data[100] ^= 1
    damaged.write_bytes(data)
    return [lost, there]


def test_a_thread_that_finds_nothing_while_another_fills_waits(
    vault: Vault, chunks: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    emptied, asked = threading.Event(), threading.Event()
    whole, found = DirectoryCopy.list, []

    def listed(copy: DirectoryCopy, prefix: str = "") -> Iterator[Stored]:
        emptied.set()
        asked.wait(0.5)  # the other thread looks now, and does not come back before we are done
        return whole(copy, prefix)

    def ask() -> None:
        assert emptied.wait(30)
        try:
            found.append(vault.read(chunks[1], CHUNK))
        except Missing:
            found.append(b"")
        asked.set()

    monkeypatch.setattr(DirectoryCopy, "list", listed)
    other = threading.Thread(target=ask)
    other.start()
    with pytest.raises(Damaged):
        vault.read(chunks[0], CHUNK)
    other.join()
    assert found == [THERE]


def test_what_another_process_has_just_emptied_is_filled_here(
    vault: Vault, chunks: list[bytes], places: Places
) -> None:
    with pytest.raises(Damaged):
        vault.read(chunks[0], CHUNK)  # from here on our own rebuilding is used up
    other = places.open()
    try:
        other.state.drop_all_packs()
        assert vault.read(chunks[1], CHUNK) == THERE
        other.state.drop_all_packs()
        assert vault.type_of(chunks[1]) == CHUNK
    finally:
        other.close()


def test_what_is_nowhere_is_missing_still(vault: Vault, chunks: list[bytes]) -> None:
    for _ in range(2):
        with pytest.raises(Missing):
            vault.read(bytes(32), CHUNK)
        with pytest.raises(Damaged):
            vault.read(chunks[0], CHUNK)
