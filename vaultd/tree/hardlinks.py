"""Names of one file: which inode has which group id in this snapshot.

A table in a temporary file rather than in memory, since there may be millions. It holds no names; SQLite
unlinks the file as soon as it has opened it.
"""

import secrets
import sqlite3
import struct

import msgspec

from vaultd.capture.listing import Seen
from vaultd.format.entry import Entry

_INODE = struct.Struct("=QQ")
_ID_BYTES = 16
_TABLE = "CREATE TABLE links (inode BLOB PRIMARY KEY, id BLOB UNIQUE, entry BLOB, seen BLOB) WITHOUT ROWID"
_encode = msgspec.msgpack.encode


class HardLinks:
    """Remembers, for one scan, the entry of each inode that has several names, so that it is read once and
    all its names get one id.
    """

    def __init__(self) -> None:
        self._db: sqlite3.Connection | None = None
        self._entry = msgspec.msgpack.Decoder(Entry)
        self._seen = msgspec.msgpack.Decoder(Seen)

    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            self._db = sqlite3.connect("", isolation_level=None)
            # Nothing here outlives the process, so nothing needs to be rolled back or flushed.
            self._db.execute("PRAGMA journal_mode = OFF")
            self._db.execute("PRAGMA synchronous = OFF")
            self._db.execute(_TABLE)
        return self._db

    def find(self, device: int, ino: int) -> tuple[Entry, Seen] | None:
        """The entry under which this inode was met first in this scan, and its stat then."""
        rows = self._open().execute(
            "SELECT entry, seen FROM links WHERE inode = ?", (_INODE.pack(device, ino),)
        )
        row = rows.fetchone()
        return row and (self._entry.decode(row[0]), self._seen.decode(row[1]))

    def add(self, device: int, entry: Entry, seen: Seen, earlier: bytes | None) -> Entry:
        """Give an inode that `find` does not know its id; the entry with it.

        The id is `earlier`, what the last snapshot has at this path, unless another inode took it in this
        scan.
        """
        db = self._open()
        taken = earlier is None or db.execute("SELECT 1 FROM links WHERE id = ?", (earlier,)).fetchone()
        group = secrets.token_bytes(_ID_BYTES) if taken or earlier is None else earlier
        linked = msgspec.structs.replace(entry, extra={**entry.extra, "hard": group})
        values = (_INODE.pack(device, seen.ino), group, _encode(linked), _encode(seen))
        db.execute("INSERT INTO links VALUES (?, ?, ?, ?)", values)
        return linked

    def close(self) -> None:
        """Let go of the table. Closing twice is not an error."""
        if self._db is not None:
            self._db.close()
            self._db = None
