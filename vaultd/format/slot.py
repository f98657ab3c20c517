"""Key slots: the master key, wrapped by a passphrase or by a key file (docs/format.md, section 4)."""

import hmac
import re
import struct
import unicodedata
from dataclasses import dataclass
from typing import Literal

import msgspec

from vaultd.errors import BadUsage, Refused, WrongKey
from vaultd.format import canon
from vaultd.format.keys import Keys
from vaultd.format.limits import (
    BUNDLE,
    KEY,
    MAX_ARGON_KIB,
    MAX_ARGON_LANES,
    MAX_ARGON_TIME,
    MIN_ARGON_KIB,
    MIN_ARGON_LANES,
    MIN_ARGON_TIME,
    SLOT,
    SLOT_HEADER,
    Buffer,
)
from vaultd.format.seal import Opener, Random, Sealer, expand, fresh, os_random

ROLE_FULL = 1
KDF_ARGON2ID, KDF_KEY_FILE = 1, 2
MAX_LABEL = 300  # UTF-8 bytes: 400 less the bundle's other keys and values, and a reserve
STRONG_KIB = 256 << 10
_MAGIC = b"VAULTKY1"
_LABEL = "vaultd v1 slot"
_header = struct.Struct("<8sBBBBII16s16s12s")
_KEY_FILE = re.compile(r"VAULTD-KEY-1 ([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Slot:
    """What a slot says in the clear. `m_kib`, `t` and `p` are the cost of Argon2id, and 0 for a key file."""

    kdf: int
    p: int
    m_kib: int
    t: int
    vault_id: bytes
    salt: bytes


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a slot says once it is open, besides the master key. `created` is a time; `unknown` names unknown
    keys.
    """

    label: str
    created: int
    unknown: tuple[str, ...] = ()


class _Bundle(msgspec.Struct):
    """The sealed map, as it is spelled."""

    created: canon.Int
    label: str
    master: canon.Bytes32
    v: Literal[1]


def parse_slot(data: Buffer) -> Slot:
    """Raises Refused: "truncated" or "length" (not 512 bytes), "magic", "kdf" (what it asks for is out of
    range).
    """
    if len(data) != SLOT:
        raise Refused("truncated" if len(data) < SLOT else "length", f"a slot of {len(data)} bytes")
    magic, role, kdf, p, zero, m_kib, t, vault_id, salt, zeros = _header.unpack_from(data)
    if magic != _MAGIC:
        raise Refused("magic", magic.hex())
    if role != ROLE_FULL or zero or any(zeros):
        raise Refused("kdf", f"role {role}")
    if not _affordable(kdf, p, m_kib, t):
        raise Refused("kdf", f"kdf {kdf}, {m_kib} KiB, t {t}, p {p}")
    return Slot(kdf, p, m_kib, t, vault_id, salt)


def _affordable(kdf: int, p: int, m_kib: int, t: int) -> bool:
    if kdf == KDF_KEY_FILE:
        return (p, m_kib, t) == (0, 0, 0)
    return (
        kdf == KDF_ARGON2ID
        and MIN_ARGON_KIB <= m_kib <= MAX_ARGON_KIB
        and MIN_ARGON_TIME <= t <= MAX_ARGON_TIME
        and MIN_ARGON_LANES <= p <= MAX_ARGON_LANES
    )


def open_slot(
    data: Buffer, *, passphrase: str | None = None, key_file: bytes | None = None
) -> tuple[Keys, Bundle]:
    """The keys in a slot. `key_file` is the 32 bytes of a key file (see `parse_key_file`).

    Raises Refused before anything is computed where the slot is not sound; WrongKey where this secret does
    not open it, or is not of the kind that it asks for; Refused "tag", "padding", "canonical", "shape" where
    what is sealed is not a bundle. Uses `m_kib` KiB of memory for about a quarter of a second (64 MiB) or
    more.
    """
    slot = parse_slot(data)
    raw = bytes(data)
    secret = _secret(slot, passphrase, key_file)
    key, commit = expand(_LABEL, secret, raw[:SLOT_HEADER])
    if not hmac.compare_digest(commit, raw[SLOT_HEADER : SLOT_HEADER + KEY]):
        raise WrongKey
    return _read_bundle(Opener(key).open(0, raw[SLOT_HEADER + KEY :]), slot.vault_id)


def _secret(slot: Slot, passphrase: str | None, key_file: bytes | None) -> bytes:
    if slot.kdf == KDF_KEY_FILE and key_file is not None:
        return key_file
    if slot.kdf == KDF_ARGON2ID and passphrase is not None:
        return _stretch(slot, _passphrase_bytes(passphrase))
    raise WrongKey


def _stretch(slot: Slot, passphrase: bytes) -> bytes:
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    kdf = Argon2id(salt=slot.salt, length=KEY, iterations=slot.t, lanes=slot.p, memory_cost=slot.m_kib)
    return kdf.derive(passphrase)


def _passphrase_bytes(passphrase: str) -> bytes:
    try:
        return unicodedata.normalize("NFC", passphrase).encode()
    except UnicodeEncodeError:
        raise BadUsage("passphrase-not-text") from None


def _read_bundle(plain: bytes, vault_id: bytes) -> tuple[Keys, Bundle]:
    value, end = canon.decode_first(plain)
    if plain[end:].strip(b"\0"):
        raise Refused("padding", "bundle")
    sealed = canon.convert(value, _Bundle)
    unknown = tuple(str(key) for key in value if key not in _Bundle.__struct_fields__)
    return Keys.from_master(sealed.master, vault_id), Bundle(sealed.label, sealed.created, unknown)


def seal_slot(
    keys: Keys,
    *,
    passphrase: str | None = None,
    key_file: bytes | None = None,
    label: str,
    created_ns: int,
    strong: bool = False,
    random: Random = os_random,
) -> bytes:
    """The 512 bytes of a new slot for exactly one of a passphrase and the 32 bytes of a key file.

    It was opened again before it is returned. `strong` takes 256 MiB instead of 64. Raises BadUsage for a
    label over 300 bytes or a passphrase that is not text, BadRandomness, ValueError for both or neither of
    the secrets.
    """
    if (passphrase is None) == (key_file is None) or (key_file is not None and len(key_file) != KEY):
        raise ValueError("a slot has one secret, and a key file 32 bytes")
    if len(label.encode()) > MAX_LABEL:
        raise BadUsage("label-too-long", label)
    slot = _new_slot(keys.vault_id, key_file is not None, strong, random)
    header = _pack_header(slot)
    key, commit = expand(_LABEL, _secret(slot, passphrase, key_file), header)
    sealed = bytearray(SLOT - SLOT_HEADER - KEY)
    Sealer(key).seal_into(_write_bundle(keys.master, label, created_ns), memoryview(sealed))
    made = header + commit + bytes(sealed)
    _check_made(made, keys, passphrase, key_file)
    return made


def _new_slot(vault_id: bytes, by_file: bool, strong: bool, random: Random) -> Slot:
    salt = fresh(16, random)
    if by_file:
        return Slot(KDF_KEY_FILE, 0, 0, 0, vault_id, salt)
    # RFC 9106, section 4, second choice: 64 MiB, 3 passes, 4 lanes.
    return Slot(KDF_ARGON2ID, 4, STRONG_KIB if strong else MIN_ARGON_KIB, 3, vault_id, salt)


def _pack_header(slot: Slot) -> bytes:
    zeros = bytes(12)
    return _header.pack(
        _MAGIC, ROLE_FULL, slot.kdf, slot.p, 0, slot.m_kib, slot.t, slot.vault_id, slot.salt, zeros
    )


def _write_bundle(master: bytes, label: str, created: int) -> bytes:
    return canon.encode({"created": created, "label": label, "master": master, "v": 1}).ljust(BUNDLE, b"\0")


def _check_made(made: bytes, keys: Keys, passphrase: str | None, key_file: bytes | None) -> None:
    """A slot that does not open locks its owner out, so the whole way back is gone, Argon2id included."""
    again, _ = open_slot(made, passphrase=passphrase, key_file=key_file)
    if again.master != keys.master or again.vault_id != keys.vault_id:
        raise Refused("commit", "a new slot does not open")


def format_key_file(secret: bytes) -> str:
    """The text of a key file for these 32 bytes; raises ValueError for other lengths."""
    if len(secret) != KEY:
        raise ValueError("a key file holds 32 bytes")
    return f"VAULTD-KEY-1 {secret.hex()}\n"


def parse_key_file(text: str) -> bytes:
    """The 32 bytes in a key file; spaces and newlines around them do not matter. Raises Refused("magic")."""
    if match := _KEY_FILE.fullmatch(text.strip()):
        return bytes.fromhex(match[1])
    raise Refused("magic", "key file")
