"""Nonces, and nothing else: everything that vaultd encrypts goes through a `Sealer`.

A Sealer has one key, made from a salt that is fresh for every box and slot, and hands out each nonce once:
blob i has u32 0 || u64 i, the trailer u32 1 || u64 0. So no pair of key and nonce can come twice, however
the callers change.
"""

import secrets
import struct
from collections.abc import Callable

from blake3 import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vaultd.errors import BadRandomness, Refused
from vaultd.format.limits import KEY, Buffer

Random = Callable[[int], bytes]
_REMEMBERED = 1 << 14  # a stuck generator repeats at once, so a bounded memory will do
_seen: set[bytes] = set()
_nonce = struct.Struct("<IQ").pack
_TRAILER = _nonce(1, 0)


def os_random(length: int) -> bytes:
    """`length` bytes from the operating system; looked up at each call, so that it can be watched."""
    return secrets.token_bytes(length)


def fresh(length: int, random: Random = os_random) -> bytes:
    """`length` (16 or more) random bytes that this process has not had before.

    Raises BadRandomness if the source repeats itself or gives too little: a salt that comes twice gives one
    key and its nonces to two boxes, which breaks both open.
    """
    if not _seen:  # so that a generator that is stuck from the start is caught at its first use
        _remember(random(32), 32)
    return _remember(random(length), length)


def _remember(drawn: bytes, length: int) -> bytes:
    mark = drawn[:16]
    if len(drawn) != length or mark in _seen:
        raise BadRandomness
    if len(_seen) >= _REMEMBERED:
        _seen.clear()
    _seen.add(mark)
    return drawn


def expand(context: str, secret: bytes, header: bytes) -> tuple[bytes, bytes]:
    """(key, commitment), 32 bytes each, of a box or slot with this header."""
    okm = blake3(secret + header, derive_key_context=context).digest(length=2 * KEY)
    return okm[:KEY], okm[KEY:]


class Sealer:
    """Encrypts under one key, which must come from a fresh salt. Not safe for use by two threads at once."""

    __slots__ = ("_cipher", "_next", "_open")

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self._next = 0
        self._open = True

    def seal_into(self, plain: Buffer, out: memoryview) -> None:
        """Seal the next blob; `out` is exactly len(plain) + 16 bytes and does not overlap `plain`."""
        number, self._next = (
            self._next,
            self._next + 1,
        )  # taken before use: a failed call must not give it again
        self._cipher.encrypt_into(_nonce(0, number), plain, None, out)

    def seal_trailer_into(self, plain: Buffer, out: memoryview) -> None:
        """Seal the trailer; raises ValueError the second time."""
        if not self._open:
            raise ValueError("a box has one trailer")
        self._open = False
        self._cipher.encrypt_into(_TRAILER, plain, None, out)


class Opener:
    """Decrypts under one key. Safe for use by several threads. Each method raises Refused("tag")."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def open(self, number: int, sealed: Buffer) -> bytes:
        """The stored bytes of blob `number`."""
        try:
            return self._cipher.decrypt(_nonce(0, number), sealed, None)
        except InvalidTag:
            raise Refused("tag", f"blob {number}") from None

    def open_into(self, number: int, sealed: Buffer, out: memoryview) -> None:
        """The stored bytes of blob `number` into `out`, which is exactly len(sealed) - 16 bytes."""
        try:
            self._cipher.decrypt_into(_nonce(0, number), sealed, None, out)
        except InvalidTag:
            raise Refused("tag", f"blob {number}") from None

    def open_trailer(self, sealed: Buffer) -> bytes:
        try:
            return self._cipher.decrypt(_TRAILER, sealed, None)
        except InvalidTag:
            raise Refused("tag", "trailer") from None
