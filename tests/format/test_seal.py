"""Nonces: no key meets one twice, and a source of randomness that repeats itself is caught."""

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.format.values import KEYS, fill
from vaultd.errors import BadRandomness, Refused
from vaultd.format import seal
from vaultd.format.box import BoxWriter
from vaultd.format.keys import new_master
from vaultd.format.limits import CHUNK, KIND_DATA
from vaultd.format.seal import Opener, Sealer, fresh
from vaultd.format.slot import seal_slot


class Recorder:
    """Stands in for the cipher, and remembers every pair of key and nonce that something was sealed with."""

    used: list[tuple[bytes, bytes]]

    def __init__(self, key: bytes) -> None:
        self._key, self._real = key, AESGCM(key)

    def encrypt_into(self, nonce: bytes, *rest: Any) -> int:
        type(self).used.append((self._key, nonce))
        return self._real.encrypt_into(nonce, *rest)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> type[Recorder]:
    Recorder.used = []
    monkeypatch.setattr(seal, "AESGCM", Recorder)
    return Recorder


def test_no_pair_of_key_and_nonce_comes_twice(recorder: type[Recorder]) -> None:
    for count in range(1, 30):
        fill([bytes([count])] * count)
    for _ in range(10):
        seal_slot(KEYS, key_file=bytes(32), label="", created_ns=0)
    assert len(recorder.used) == sum(range(2, 31)) + 10  # every blob, every trailer, every slot
    assert len(set(recorder.used)) == len(recorder.used)


def test_blobs_and_trailer_have_nonces_of_their_own(recorder: type[Recorder]) -> None:
    fill([b"a", b"b"])
    assert [nonce for _, nonce in recorder.used] == [
        bytes(12),
        bytes(4) + b"\1" + bytes(7),
        b"\1" + bytes(11),
    ]


def test_a_failed_call_gives_its_nonce_to_nobody(recorder: type[Recorder]) -> None:
    sealer = Sealer(bytes(32))
    with pytest.raises(ValueError, match="buffer"):
        sealer.seal_into(b"abc", memoryview(bytearray(3)))
    sealer.seal_into(b"abc", memoryview(bytearray(19)))
    assert len(set(recorder.used)) == 2


def test_a_trailer_is_sealed_once() -> None:
    sealer = Sealer(bytes(32))
    sealer.seal_trailer_into(b"abc", memoryview(bytearray(19)))
    with pytest.raises(ValueError, match="one trailer"):
        sealer.seal_trailer_into(b"abc", memoryview(bytearray(19)))


@pytest.fixture
def _forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process has drawn nothing yet."""
    monkeypatch.setattr(seal, "_seen", set())


@pytest.mark.usefixtures("_forgetful")
@pytest.mark.parametrize(
    "random",
    [bytes, lambda length: b"\x07" * length, lambda length: bytes(range(length)), lambda length: b"short"],
)
def test_a_stuck_source_makes_no_box_not_even_the_first(random: Callable[[int], bytes]) -> None:
    with pytest.raises(BadRandomness):
        BoxWriter(KEYS, KIND_DATA, bytearray(4096), random)
    with pytest.raises(BadRandomness):
        new_master(random)


def test_a_source_that_gets_stuck_later_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    fill([b"before"])
    stuck = fresh(32)
    monkeypatch.setattr("secrets.token_bytes", lambda length: stuck[:length])
    with pytest.raises(BadRandomness):
        fill([b"after"])


def test_the_memory_of_salts_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal, "_REMEMBERED", 10)
    for _ in range(100):
        fresh(32)
    assert len(seal._seen) <= 10


def test_an_opener_tells_what_it_could_not_open() -> None:
    opener = Opener(bytes(32))
    for attempt in (
        lambda: opener.open(0, bytes(20)),
        lambda: opener.open(0, b""),
        lambda: opener.open_into(0, bytes(20), memoryview(bytearray(4))),
        lambda: opener.open_trailer(bytes(20)),
    ):
        with pytest.raises(Refused) as caught:
            attempt()
        assert caught.value.reason == "tag"


def test_sealed_with_one_type_is_not_another() -> None:
    assert KEYS.blob_id(CHUNK, b"x") != KEYS.blob_id(CHUNK + 1, b"x")
