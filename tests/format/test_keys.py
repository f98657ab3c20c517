"""Keys: derived as docs/format.md says, and never shown or written."""

import copy
import pickle

import pytest
from blake3 import blake3

from tests.format.values import KEYS
from vaultd.format.keys import Keys, new_master, new_vault_id


def derived(context: str, number: bytes = b"") -> bytes:
    return blake3(KEYS.master + KEYS.vault_id + number, derive_key_context=context).digest()


def test_derivation() -> None:
    for kind in range(1, 5):
        assert KEYS.box_key(kind) == derived("vaultd v1 box key", bytes([kind]))
    for blob_type in range(1, 6):
        key = derived("vaultd v1 blob id", bytes([blob_type]))
        assert KEYS.blob_id(blob_type, memoryview(b"plain")) == blake3(b"plain", key=key).digest()
    assert KEYS.cut == derived("vaultd v1 chunker")
    mark = blake3(b"page" + b"name", key=KEYS.cut).digest()[:4]
    assert KEYS.page_mark(b"name") == int.from_bytes(mark, "little")


def test_nothing_secret_is_shown_or_written() -> None:
    shown = repr(KEYS) + str(KEYS) + f"{KEYS}"
    for secret in (KEYS.master, KEYS.cut, KEYS.box_key(1)):
        assert secret.hex() not in shown
        assert repr(secret)[2:-1] not in shown
    assert KEYS.vault_id.hex() in shown
    for write in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            write(KEYS)
    assert not hasattr(KEYS, "__dict__")


def test_there_is_no_key_of_another_number() -> None:
    for wrong in (5, 99):
        with pytest.raises(IndexError):
            KEYS.box_key(wrong)
    assert KEYS.box_key(0) == b""
    with pytest.raises(ValueError, match="32"):
        KEYS.blob_id(0, b"x")


def test_lengths_and_chance() -> None:
    for master, vault_id in ((bytes(31), bytes(16)), (bytes(32), bytes(15))):
        with pytest.raises(ValueError, match="32 bytes"):
            Keys.from_master(master, vault_id)
    assert len({new_master() for _ in range(50)}) == 50
    assert {len(new_master()), len(new_vault_id())} == {32, 16}
