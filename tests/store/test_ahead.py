"""Blobs that are said to be read soon come fetched together; what is odd is read in the ordinary way."""

import os
import random
import threading

import pytest

from tests.store.conftest import Places
from tests.store.test_packs import write_all
from vaultd.copies.directory import DirectoryCopy
from vaultd.errors import Damaged, Missing
from vaultd.format.limits import CHUNK, PAGE
from vaultd.store.contract import Room
from vaultd.store.vault import Vault


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int | None]]:
    """Offset and length of what is asked of the copy."""
    calls: list[tuple[int, int | None]] = []
    get = DirectoryCopy.get

    def noted(copy: DirectoryCopy, name: str, offset: int = 0, length: int | None = None) -> bytes:
        calls.append((offset, length))
        return get(copy, name, offset, length)

    monkeypatch.setattr(DirectoryCopy, "get", noted)
    return calls


def test_neighbours_are_fetched_together_and_large_ones_alone(
    vault: Vault, fetched: list[tuple[int, int | None]], rng: random.Random
) -> None:
    sizes = [1000] * 50 + [200_000] + [30_000] * 60
    plains = [rng.randbytes(size) for size in sizes]
    ids = write_all(vault, [(CHUNK, plain) for plain in plains])
    fetched.clear()
    vault.expect([*ids, bytes(32)])
    order = list(range(len(ids)))
    rng.shuffle(order)
    assert all(vault.read(ids[n], CHUNK) == plains[n] for n in order)
    # The head, the large one, what lies before it, and 1.8 MB behind it in two.
    assert len(fetched) == 5
    assert max(length or 0 for _, length in fetched) <= 1 << 20


def test_large_ones_come_into_lent_memory_which_is_lent_again(
    vault: Vault, fetched: list[tuple[int, int | None]], rng: random.Random
) -> None:
    plains = [rng.randbytes(200_000), b"text " * 100_000, rng.randbytes(1000), rng.randbytes(200_000)]
    ids = write_all(vault, [(CHUNK, plain) for plain in plains])
    vault.expect(ids)
    fetched.clear()
    room = Room()
    lent = room.plain(1 << 20), room.sealed(1 << 20)
    for blob_id, plain in zip(ids, plains, strict=True):
        assert vault.read_into(blob_id, CHUNK, room) == plain
    # The head, and the two small ones, which are neighbours.
    assert len(fetched) == 2
    assert bytes(lent[0][:200_000]) == plains[-1]
    with pytest.raises(Missing):
        vault.read_into(ids[0], PAGE, room)


def test_a_large_one_that_is_damaged_is_said_to_be(vault: Vault, places: Places) -> None:
    ids = write_all(vault, [(CHUNK, os.urandom(200_000))])
    pack = places.packs()[0]
    data = bytearray(pack.read_bytes())
    data[1000] ^= 1
    pack.write_bytes(data)
    vault.expect(ids)
    with pytest.raises(Damaged):
        vault.read_into(ids[0], CHUNK, Room())


def test_what_was_not_expected_or_is_of_another_type_is_read_all_the_same(vault: Vault) -> None:
    ids = write_all(vault, [(CHUNK, b"one"), (CHUNK, b"two"), (PAGE, b"\x90")])
    vault.expect(ids[:1])
    assert [vault.read(blob_id, CHUNK) for blob_id in ids[:2]] == [b"one", b"two"]
    assert vault.read(ids[2], PAGE) == b"\x90"
    with pytest.raises(Missing):
        vault.read(ids[0], PAGE)


def test_a_damaged_blob_among_others_is_damaged_and_they_are_not(vault: Vault, places: Places) -> None:
    plains = [os.urandom(1000) for _ in range(20)]
    ids = write_all(vault, [(CHUNK, plain) for plain in plains])
    pack = places.packs()[0]
    data = bytearray(pack.read_bytes())
    data[96 + 10 * 1016 + 500] ^= 1
    pack.chmod(0o600)
    pack.write_bytes(data)
    vault.expect(ids)
    for n, blob_id in enumerate(ids):
        if n == 10:
            with pytest.raises(Damaged):
                vault.read(blob_id, CHUNK)
        else:
            assert vault.read(blob_id, CHUNK) == plains[n]


def test_a_pack_that_went_away_meanwhile_is_missed(vault: Vault, places: Places) -> None:
    ids = write_all(vault, [(CHUNK, b"one"), (CHUNK, b"two")])
    vault.expect(ids)
    places.packs()[0].unlink()
    with pytest.raises(Missing):
        vault.read(ids[0], CHUNK)


def test_each_thread_expects_for_itself(vault: Vault) -> None:
    plains = [b"%d" % number for number in range(100)]
    ids = write_all(vault, [(CHUNK, plain) for plain in plains])
    found: list[bool] = []

    def read(numbers: range) -> None:
        for begin in numbers:
            vault.expect(ids[begin : begin + 5])
            found.extend(vault.read(ids[n], CHUNK) == plains[n] for n in range(begin, begin + 5))

    threads = [threading.Thread(target=read, args=(range(first, 100, 10),)) for first in (0, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 100


def test_what_was_prepared_is_what_is_read_and_is_not_fetched_again(
    vault: Vault, fetched: list[tuple[int, int | None]], rng: random.Random
) -> None:
    plains = [rng.randbytes(500) for _ in range(100)] + [rng.randbytes(200_000)]
    ids = write_all(vault, [(CHUNK, plain) for plain in plains])
    assert not vault.prepare()  # nothing was expected
    vault.expect([*ids, ids[3]])
    assert vault.read(ids[0], CHUNK) == plains[0]
    done = 0
    while vault.prepare():
        done += 1
    assert done == 32
    fetched.clear()
    assert [vault.read(blob_id, CHUNK) for blob_id in ids[1:33]] == plains[1:33]
    assert not fetched
    assert vault.prepare()
    with pytest.raises(Missing):
        vault.read(ids[33], PAGE)  # prepared, and of another type
    assert [vault.read(blob_id, CHUNK) for blob_id in reversed(ids)] == plains[::-1]


def test_nothing_that_is_damaged_is_prepared(vault: Vault, places: Places) -> None:
    ids = write_all(vault, [(CHUNK, os.urandom(500)) for _ in range(3)])
    pack = places.packs()[0]
    data = bytearray(pack.read_bytes())
    data[1000] ^= 1  # in the second
    pack.write_bytes(data)
    vault.expect(ids)
    while vault.prepare():
        pass
    vault.read(ids[0], CHUNK)
    with pytest.raises(Damaged):
        vault.read(ids[1], CHUNK)
