"""A copy in memory: the contract and nothing else, for tests and as the shortest example of one."""

import secrets
import threading
from collections.abc import Iterator

from blake3 import blake3

from vaultd.copies.contract import FILE_LIMIT, Buffer, Copy, Space, Stored
from vaultd.copies.identity import VaultId
from vaultd.copies.names import (
    QUARANTINE,
    REPLACEABLE,
    check_readable,
    digest_of,
    parse_unfinished,
    quarantine_name,
)
from vaultd.errors import Damaged, Missing, Unreachable
from vaultd.ids import TEXTS, parse


class MemoryCopy(Copy):
    """A copy whose files are the entries of `files`, which a test may look at and change.

    Durable only as long as the object; that apart, it keeps every promise of `Copy`.
    """

    def __init__(self, vault_id: bytes, copy_id: bytes, label: str) -> None:
        self._label, self._identity = label, VaultId(vault_id, copy_id)
        self._lock = threading.Lock()
        self._closed = False
        self.files: dict[str, bytes] = {"vault.id": self._identity.encode()}

    @property
    def label(self) -> str:
        return self._label

    @property
    def vault_id(self) -> bytes:
        return self._identity.vault_id

    @property
    def copy_id(self) -> bytes:
        return self._identity.copy_id

    def get(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        check_readable(name)
        data = self._read(name)
        start = max(0, offset + len(data)) if offset < 0 else offset
        return data[start:] if length is None else data[start : start + length]

    def fetch(self, name: str) -> bytes:
        digest = digest_of(name)
        data = self._read(name)
        if blake3(data).digest() != digest:
            raise Damaged(name, self._label, "digest")
        return data

    def put(self, name: str, data: Buffer) -> None:
        if name not in REPLACEABLE:
            digest_of(name)
        if len(new := bytes(data)) > FILE_LIMIT:
            raise ValueError(name)
        with self._lock:
            self._answer()
            if name not in REPLACEABLE and self.files.get(name, new) != new:
                self._set_aside(name)
            self.files[name] = new

    def read_back(self, name: str) -> None:
        self.fetch(name)

    def list(self, prefix: str = "") -> Iterator[Stored]:
        for name, size in self._sizes():
            if name.startswith(prefix) and parse(name):
                yield Stored(name, size)

    def strangers(self) -> Iterator[str]:
        for name, _ in self._sizes():
            known = parse(name) or name in TEXTS or parse_unfinished(name)
            if not known and not name.startswith(QUARANTINE + "/"):
                yield name

    def quarantined(self) -> Iterator[Stored]:
        for name, size in self._sizes():
            if name.startswith(QUARANTINE + "/"):
                yield Stored(name, size)

    def remove(self, name: str) -> None:
        digest_of(name)
        with self._lock:
            self._answer()
            self.files.pop(name, None)

    def quarantine(self, name: str, whole: bool = False) -> None:
        digest = digest_of(name)
        with self._lock:
            self._answer()
            if name in self.files and (whole or blake3(self.files[name]).digest() != digest):
                self._set_aside(name)

    def sweep(self, device: str) -> int:
        with self._lock:
            self._answer()
            found = [n for n in self.files if (parse_unfinished(n) or ("",))[0] == device]
            for name in found:
                del self.files[name]
        return len(found)

    def space(self) -> Space:
        self._answer()
        return Space(0, 0)

    def close(self) -> None:
        self._closed = True

    def _answer(self) -> None:
        if self._closed:
            raise Unreachable(self._label, "closed")

    def _read(self, name: str) -> bytes:
        self._answer()
        data = self.files.get(name)
        if data is None and "vault.id" not in self.files:
            raise Unreachable(self._label, "vault.id")
        if data is None:
            raise Missing(name, self._label)
        if len(data) > FILE_LIMIT:
            raise Damaged(name, self._label, "limit")
        return data

    def _sizes(self) -> tuple[tuple[str, int], ...]:
        with self._lock:
            self._answer()
            if "vault.id" not in self.files:
                raise Unreachable(self._label, "vault.id")
            return tuple((name, len(data)) for name, data in self.files.items())

    def _set_aside(self, name: str) -> None:
        self.files[quarantine_name(name, secrets.token_hex(8))] = self.files.pop(name)
