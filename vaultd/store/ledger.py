"""When each file of each copy was last read back from its medium and matched its name.

Like the state it may be lost, damaged or rolled back: then less is known to be safe, and it is read again.
Files go by their hashes, which no damage of this file turns into one another.
"""

import contextlib
import time
from collections.abc import Iterable
from pathlib import Path

from vaultd.store.database import Database, StateLost

_TABLES = """
CREATE TABLE IF NOT EXISTS matched (
    copy BLOB, digest BLOB, time INTEGER NOT NULL, PRIMARY KEY (copy, digest)) WITHOUT ROWID;
"""


class Ledger(Database):
    """The account of one computer. Copies go by their ids, 16 bytes."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, _TABLES)

    def matched(self, copy_id: bytes) -> set[bytes]:
        """Hashes of the files that were read back from this copy."""
        try:
            return {row[0] for row in self._rows("SELECT digest FROM matched WHERE copy = ?", copy_id)}
        except StateLost:
            return set()

    def add(self, copy_id: bytes, digests: Iterable[bytes]) -> None:
        """These were read back just now, and matched."""
        now = time.time_ns()
        with contextlib.suppress(StateLost), self._writing() as db:
            rows = ((copy_id, digest, now) for digest in digests)
            db.executemany("INSERT OR REPLACE INTO matched VALUES (?, ?, ?)", rows)

    def forget(self, copy_id: bytes, digests: Iterable[bytes]) -> None:
        """These were found damaged or missing, or are not what was read back any more."""
        with contextlib.suppress(StateLost), self._writing() as db:
            rows = ((copy_id, digest) for digest in digests)
            db.executemany("DELETE FROM matched WHERE copy = ? AND digest = ?", rows)
