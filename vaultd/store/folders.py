"""What local state remembers of folders: rows that are believed without reading anything, and let go of at
once where anything that they may rest on is gone, damaged or condemned.
"""

import sqlite3
from collections.abc import Iterable

from vaultd.store.database import Database

TREES = "trees"
GENERATION = "generation"
_DOUBTS = "doubts"
TABLES = """
CREATE TABLE IF NOT EXISTS folders (
    source BLOB, path BLOB, look BLOB NOT NULL, content BLOB NOT NULL,
    PRIMARY KEY (source, path)) WITHOUT ROWID;
CREATE TEMP TABLE staged (path BLOB PRIMARY KEY, look BLOB NOT NULL, content BLOB NOT NULL) WITHOUT ROWID;
"""


class Folders(Database):
    """That part of a vault's cache."""

    def recall(self, source: bytes, path: bytes) -> tuple[bytes, bytes] | None:
        rows = self._rows("SELECT look, content FROM folders WHERE source = ? AND path = ?", source, path)
        return rows[0] if rows else None

    def stage(self, rows: Iterable[tuple[bytes, bytes, bytes]]) -> None:
        """Put rows of path, look, content aside, on disk, until `keep_staged`. A new process begins with
        none.
        """
        with self._writing() as db:
            db.executemany("INSERT OR REPLACE INTO staged VALUES (?, ?, ?)", rows)

    def doubts(self) -> bytes | None:
        """Another value each time that something was found gone or damaged, by whichever process."""
        rows = self._rows("SELECT value FROM meta WHERE key = ?", _DOUBTS)
        return rows[0][0] if rows else None

    def keep_staged(self, source: bytes, forget: Iterable[bytes], doubts: bytes | None) -> None:
        """Drop what is at and below each path of `forget`, then keep the staged rows: all of it or
        nothing. Nothing is kept where `doubts` is not what it was when the rows were begun: they may rest
        on what was lost since.
        """
        with self._writing() as db:  # nobody tells of damage in here
            if self.doubts() != doubts:
                db.execute("DELETE FROM staged")
                return
            for path in forget:
                # Names below start with path + "/" (0x2f), so they stand before path + "0".
                below = (path + b"/", path + b"0") if path else (b"", b"\xff" * 4096)
                db.execute("DELETE FROM folders WHERE source = ? AND path = ?", (source, path))
                db.execute(
                    "DELETE FROM folders WHERE source = ? AND path >= ? AND path < ?", (source, *below)
                )
            db.execute("INSERT OR REPLACE INTO folders SELECT ?, path, look, content FROM staged", (source,))
            db.execute("DELETE FROM staged")

    def drop_staged(self) -> None:
        with self._writing() as db:
            db.execute("DELETE FROM staged")


def distrust(db: sqlite3.Connection) -> None:
    """Nothing that was trusted without reading is trusted any more."""
    db.execute("DELETE FROM folders")
    db.execute("DELETE FROM meta WHERE key = ?", (TREES,))  # numbers of rows are given again
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, randomblob(8))", (_DOUBTS,))
