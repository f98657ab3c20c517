"""The rows of all blobs of local state by their own numbers, for whoever has to look at every one."""

import os
from collections.abc import Iterator, Sequence
from typing import Any

from vaultd.store.folders import GENERATION, Folders

JOINED = (
    " FROM blobs b JOIN packs p ON p.number = b.pack LEFT JOIN suspects s ON s.digest = p.digest"
    " LEFT JOIN condemned c ON c.digest = p.digest"
)
# Rows that are looked at one after another: 100 bytes each.
_READ_TOGETHER = 1 << 16
# A statement costs more than a row. SQLite takes 32,766 values at most; beyond some hundred rows it gains
# nothing.
_ASKED_TOGETHER = 512


class Rows(Folders):
    """That part of a vault's cache."""

    def _of_each(self, sql: str, blob_ids: Sequence[bytes], then: str = "") -> Iterator[tuple[Any, ...]]:
        """The rows of one statement for each 512 blobs."""
        for begin in range(0, len(blob_ids), _ASKED_TOGETHER):
            some = blob_ids[begin : begin + _ASKED_TOGETHER]
            yield from self._look_up(f"{sql} ({','.join('?' * len(some))}) {then}", *some)

    def rows_of(self, blob_ids: Sequence[bytes]) -> Iterator[tuple[bytes, int, int, int, int]]:
        """Every row of each of these blobs: the id, the row's own number, its type, the number of its pack,
        and 1 where nothing may rely on that pack.
        """
        return self._of_each(
            "SELECT b.id, b.rowid, b.type, b.pack, s.digest IS NOT NULL OR c.digest IS NOT NULL"
            f"{JOINED} WHERE b.id IN",
            blob_ids,
        )

    def all_rows(self) -> Iterator[tuple[int, int, int]]:
        """The number of each row there is, the number of its pack, and its sealed length."""
        last = -1
        while rows := self._rows(
            "SELECT rowid, pack, sealed FROM blobs WHERE rowid > ? ORDER BY rowid LIMIT ?",
            last,
            _READ_TOGETHER,
        ):
            yield from rows
            last = rows[-1][0]

    def last_row(self) -> int:
        """The highest number of a row of a blob."""
        last: int = self._rows("SELECT COALESCE(MAX(rowid), 0) FROM blobs")[0][0]
        return last

    def numbered_packs(self) -> dict[int, tuple[bytes, int]]:
        """Number of each pack: its hash and its size."""
        return {number: (d, size) for number, d, size in self._rows("SELECT number, digest, size FROM packs")}

    def unreliable(self) -> set[bytes]:
        """Packs that were found damaged, or are condemned."""
        both = "SELECT digest FROM suspects UNION SELECT digest FROM condemned"
        return {digest for (digest,) in self._rows(both)}

    def generation(self) -> bytes:
        """Another value each time that rows of blobs were removed, by whichever process: from then on their
        numbers may mean others.
        """
        asked = "SELECT value FROM meta WHERE key = ?"
        if not (found := self._rows(asked, GENERATION)):
            self._surely("INSERT OR IGNORE INTO meta VALUES (?, ?)", [(GENERATION, os.urandom(8))])
            found = self._rows(asked, GENERATION)
        value: bytes = found[0][0]
        return value
