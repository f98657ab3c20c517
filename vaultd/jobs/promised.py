"""What an archive must give back: one digest for each of its members, in their order.

In a temporary file rather than in memory, since there may be millions.
"""

import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from blake3 import blake3

from vaultd.errors import NotAsWritten
from vaultd.format.canon import encode
from vaultd.store.contract import Buffer

_DIGEST = 32


Check = Callable[[], None]
"""Called before each piece of a file; stops everything by raising."""


class Hasher(Protocol):
    def update(self, data: Buffer, /) -> object: ...

    def digest(self) -> bytes: ...


def hasher(facts: object) -> Hasher:
    """Begins the digest of a member with all that is said of it; its bytes follow."""
    return blake3(encode(facts))


class Promised:
    """The digests of what was written; their folder must outlive them."""

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by close()
        self.count = 0

    def add(self, digest: bytes) -> None:
        self._file.write(digest)
        self.count += 1

    def compare(self, path: Path, found: Iterable[tuple[bytes, bytes]]) -> None:
        """Compare with the (name, digest) of what was read back. Raises NotAsWritten at the first that
        differs, is too many, or is missing; and what `found` raises.
        """
        self._file.seek(0)
        count = 0
        for name, digest in found:
            count += 1
            if self._file.read(_DIGEST) != digest:
                raise NotAsWritten(os.fsencode(path), name)
        if count != self.count:
            raise NotAsWritten(os.fsencode(path), b"")

    def close(self) -> None:
        self._file.close()
