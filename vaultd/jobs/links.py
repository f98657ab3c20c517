"""Where the first name of each hard-linked file was written in this run.

A table in a temporary file rather than in memory, since there may be millions. SQLite unlinks the file as
soon as it has opened it.
"""

import sqlite3
from dataclasses import dataclass

from vaultd.format.canon import encode
from vaultd.format.entry import Entry

# Numbers as text: those of a file system may have 64 bits, those of SQLite have a sign.
_TABLE = "CREATE TABLE links (file BLOB PRIMARY KEY, place BLOB, device TEXT, inode TEXT) WITHOUT ROWID"


@dataclass(frozen=True, slots=True)
class Written:
    """A file of this run: names from the target down joined by slashes, and what it was when it was
    written.
    """

    place: bytes
    device: int
    inode: int


class Links:
    """From a file's group, kind and content to its first name; names that say they are one and differ are
    not.
    """

    def __init__(self) -> None:
        self._db: sqlite3.Connection | None = None

    def find(self, entry: Entry) -> Written | None:
        if self._db is None:
            return None
        row = self._db.execute(
            "SELECT place, device, inode FROM links WHERE file = ?", (_file(entry),)
        ).fetchone()
        return Written(row[0], int(row[1]), int(row[2])) if row else None

    def add(self, entry: Entry, written: Written) -> None:
        row = (_file(entry), written.place, str(written.device), str(written.inode))
        self._open().execute("INSERT OR REPLACE INTO links VALUES (?, ?, ?, ?)", row)

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            self._db = sqlite3.connect("", isolation_level=None)
            # Nothing here outlives the process, so nothing needs to be rolled back or flushed.
            self._db.execute("PRAGMA journal_mode = OFF")
            self._db.execute("PRAGMA synchronous = OFF")
            self._db.execute(_TABLE)
        return self._db


def _file(entry: Entry) -> bytes:
    extra = entry.extra
    return encode(
        [
            extra["hard"],
            entry.kind,
            entry.size,
            entry.content,
            extra.get("sparse"),
            extra.get("link"),
            extra.get("rdev"),
        ]
    )
