"""Several threads fill packs and several processes share a state: a failure reaches all of them, and none is
misled by what another does meanwhile.
"""

import contextlib
import random
import threading
from collections.abc import Iterator

import pytest

from tests.store.conftest import Places
from tests.store.test_packs import some_blobs, write_all
from vaultd.copies.contract import Stored
from vaultd.errors import Full
from vaultd.format.limits import CHUNK
from vaultd.store import openbox, packer
from vaultd.store.vault import Vault


def test_a_failure_ends_every_writer_that_waits_for_memory(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = threading.Barrier(packer._BUFFERS + 3)

    def full(name: str, data: object) -> None:
        with contextlib.suppress(threading.BrokenBarrierError):
            waiting.wait(1)  # until nobody can go on
        raise Full("disk", 0)

    def write(number: int) -> None:
        rng = random.Random(number)
        while True:
            try:
                sink.write(CHUNK, rng.randbytes(1000))
            except Full:
                return

    monkeypatch.setattr(vault.copy, "put", full)
    monkeypatch.setattr(openbox, "_is_full", lambda size: size > 1000)
    sink = vault.sink()
    writers = [threading.Thread(target=write, args=(n,), daemon=True) for n in range(packer._BUFFERS + 2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert not writer.is_alive()
    sink.abandon()


def test_where_no_thread_can_be_started_the_writer_is_told(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    sink = vault.sink()
    sink.write(CHUNK, b"x" * 100)
    monkeypatch.setattr(threading.Thread, "start", refused)
    with pytest.raises(RuntimeError, match="start"):
        sink.finish()
    sink.abandon()


def test_a_pack_that_another_process_adds_during_a_listing_did_not_go_away(
    vault: Vault, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes of one computer share what it remembers."""
    other = places.open()
    listing = vault.copy.list
    written: list[bytes] = []

    def list_and_wait(prefix: str = "") -> Iterator[Stored]:
        listed = list(listing(prefix))
        if prefix == "packs/" and not written:
            written.extend(write_all(other, some_blobs(3)))
        return iter(listed)

    monkeypatch.setattr(vault.copy, "list", list_and_wait)
    before = other.index._state.doubts()
    vault.sync()
    other.close()
    assert vault.index.vouched_of(written) == set(written)
    assert vault.index._state.doubts() == before
