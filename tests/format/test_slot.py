"""Key slots: the right secret opens them, and nothing else does."""

import struct
import time

import pytest

from tests.format.values import KEYS, refused
from vaultd.errors import BadUsage, Refused, WrongKey
from vaultd.format import canon, slot
from vaultd.format.keys import Keys
from vaultd.format.limits import BUNDLE, SLOT
from vaultd.format.seal import Sealer, expand
from vaultd.format.slot import Bundle, format_key_file, open_slot, parse_key_file, parse_slot, seal_slot

SECRET = bytes(range(200, 232))


def by_file(**changes: object) -> bytes:
    return seal_slot(KEYS, key_file=SECRET, label="cellar", created_ns=5)


@pytest.fixture(scope="module")
def by_passphrase() -> bytes:
    return seal_slot(KEYS, passphrase="caf\u00e9 \u6c34", label="\u5bb6", created_ns=-1)


def test_a_passphrase_opens_its_slot_however_it_is_typed(by_passphrase: bytes) -> None:
    keys, bundle = open_slot(by_passphrase, passphrase="cafe\u0301 \u6c34")
    assert (keys.master, keys.vault_id) == (KEYS.master, KEYS.vault_id)
    assert bundle == Bundle("\u5bb6", -1)
    found = parse_slot(by_passphrase)
    assert (found.kdf, found.m_kib, found.t, found.p) == (1, 65_536, 3, 4)
    assert found.vault_id == KEYS.vault_id


def test_another_secret_does_not(by_passphrase: bytes) -> None:
    with pytest.raises(WrongKey):
        open_slot(by_passphrase, passphrase="cafe \u6c34")
    with pytest.raises(WrongKey):
        open_slot(by_passphrase, key_file=SECRET)
    with pytest.raises(WrongKey):
        open_slot(by_file(), key_file=bytes(32))
    with pytest.raises(WrongKey):
        open_slot(by_file(), passphrase="x")


def test_a_key_file_opens_its_slot() -> None:
    keys, bundle = open_slot(by_file(), key_file=parse_key_file(format_key_file(SECRET)))
    assert (keys.master, bundle) == (KEYS.master, Bundle("cellar", 5))


@pytest.mark.parametrize("mask", [0x01, 0x80, 0xFF])
def test_every_flipped_byte_is_noticed(mask: int) -> None:
    data = bytearray(by_file())
    for place in range(SLOT):
        data[place] ^= mask
        with pytest.raises((Refused, WrongKey)):
            open_slot(data, key_file=SECRET)
        data[place] ^= mask
    open_slot(data, key_file=SECRET)


def test_a_slot_of_another_length() -> None:
    data = by_file()
    for length in (0, 8, 96, 511):
        with refused("truncated"):
            parse_slot(data[:length])
    with refused("length"):
        parse_slot(data + b"\0")


def header(
    role: int = 1, kdf: int = 1, p: int = 4, zero: int = 0, m: int = 65_536, t: int = 3, end: bytes = b""
) -> bytes:
    packed = struct.pack(
        "<8sBBBBII16s16s12s", b"VAULTKY1", role, kdf, p, zero, m, t, KEYS.vault_id, bytes(16), end
    )
    return packed.ljust(SLOT, b"\0")


@pytest.mark.parametrize(
    "data",
    [
        header(m=65_535),
        header(m=2_097_153),
        header(m=2**32 - 1),
        header(m=0),
        header(t=2),
        header(t=11),
        header(t=2**32 - 1),
        header(p=0),
        header(p=9),
        header(role=0),
        header(role=2),
        header(kdf=0),
        header(kdf=3),
        header(kdf=2),
        header(kdf=2, p=0, m=0, t=1),
        header(zero=1),
        header(end=b"\0" * 11 + b"\1"),
    ],
)
def test_what_would_cost_too_much_is_refused_at_once(data: bytes) -> None:
    start = time.process_time()
    with refused("kdf"):
        open_slot(data, passphrase="x")
    # A single try of the real thing takes several times as long.
    assert time.process_time() - start < 0.05


def test_another_magic() -> None:
    with refused("magic"):
        parse_slot(b"VAULTKY2" + by_file()[8:])


def forged(bundle: bytes) -> bytes:
    """A slot that is sealed right, with this bundle."""
    head = header(kdf=2, p=0, m=0, t=0)[:64]
    key, commit = expand("vaultd v1 slot", SECRET, head)
    sealed = bytearray(416)
    Sealer(key).seal_into(bundle.ljust(BUNDLE, b"\0"), memoryview(sealed))
    return head + commit + bytes(sealed)


GOOD = {"created": 1, "label": "x", "master": KEYS.master, "v": 1}


@pytest.mark.parametrize(
    ("bundle", "word"),
    [
        (canon.encode(GOOD) + b"\0\1", "padding"),
        (canon.encode(GOOD).ljust(BUNDLE - 1, b"\0") + b"\1", "padding"),
        (canon.encode({**GOOD, "v": 2}), "shape"),
        (canon.encode({**GOOD, "v": True}), "shape"),
        (canon.encode({**GOOD, "master": bytes(31)}), "shape"),
        (canon.encode({**GOOD, "label": b"x"}), "shape"),
        (canon.encode({"v": 1}), "shape"),
        (canon.encode([1]), "shape"),
        (b"", "shape"),
        (b"\xc1", "canonical"),
        (canon.encode(GOOD)[:-1] + b"\xcc\1", "canonical"),
    ],
)
def test_a_sealed_bundle_is_checked(bundle: bytes, word: str) -> None:
    with refused(word):
        open_slot(forged(bundle), key_file=SECRET)


def test_unknown_keys_of_a_bundle_are_reported() -> None:
    keys, bundle = open_slot(forged(canon.encode({**GOOD, "zero": 0})), key_file=SECRET)
    assert (keys.master, bundle) == (KEYS.master, Bundle("x", 1, ("zero",)))


def test_a_slot_that_does_not_open_is_not_given_out(monkeypatch: pytest.MonkeyPatch) -> None:
    real = slot._write_bundle
    monkeypatch.setattr(slot, "_write_bundle", lambda master, label, created: real(bytes(32), label, created))
    with refused("commit"):
        by_file()


def test_what_a_caller_must_not_ask() -> None:
    for wrong in ({}, {"passphrase": "x", "key_file": SECRET}, {"key_file": b"short"}):
        with pytest.raises(ValueError, match="one secret"):
            seal_slot(KEYS, label="", created_ns=0, **wrong)
    with pytest.raises(BadUsage):
        seal_slot(KEYS, key_file=SECRET, label="\u5bb6" * 101, created_ns=0)
    seal_slot(KEYS, key_file=SECRET, label="\u5bb6" * 100, created_ns=2**63 - 1)
    with pytest.raises(BadUsage):
        open_slot(header(), passphrase="\udcff")


def test_a_strong_slot_costs_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slot, "_stretch", lambda found, passphrase: bytes(32))
    made = seal_slot(KEYS, passphrase="x", label="", created_ns=0, strong=True)
    assert parse_slot(made).m_kib == 256 * 1024


@pytest.mark.parametrize("text", ["", "VAULTD-KEY-1", f"VAULTD-KEY-1 {'0' * 63}", f"VAULTD-KEY-2 {'0' * 64}"])
def test_a_text_that_is_no_key_file(text: str) -> None:
    with refused("magic"):
        parse_key_file(text)


def test_a_key_file_as_an_editor_leaves_it() -> None:
    assert parse_key_file(f"VAULTD-KEY-1 {SECRET.hex()}\r\n\r\n") == SECRET
    assert isinstance(Keys.from_master(SECRET, bytes(16)), Keys)
