"""What this machine remembers of a vault: an SQLite file that is only a cache.

Deleting it, rolling it back or damaging it costs time and never changes an answer: blobs are found again
in the packs'
own tables, records are read again, folders are read again, and a device whose last record is not known
takes a new id.
When SQLite says that the file is damaged it is thrown away, and whoever asked is told to fill it again
(`StateLost`).
"""

import contextlib
import errno
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from vaultd.errors import Busy, Full, ReadOnly

SCHEMA = 1
_TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS packs (number INTEGER PRIMARY KEY, digest BLOB UNIQUE NOT NULL, size INTEGER
NOT NULL,
    indexed INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS blobs (id BLOB, pack INTEGER, number INTEGER, offset INTEGER, type INTEGER,
codec INTEGER,
    sealed INTEGER, plain INTEGER, PRIMARY KEY (id, pack)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS suspects (digest BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS logs (name TEXT PRIMARY KEY, records BLOB NOT NULL, check_sum BLOB NOT NULL)
WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS folders (source BLOB, path BLOB, look BLOB NOT NULL, content BLOB NOT NULL,
    PRIMARY KEY (source, path)) WITHOUT ROWID;
CREATE TEMP TABLE staged (path BLOB PRIMARY KEY, look BLOB NOT NULL, content BLOB NOT NULL) WITHOUT ROWID;
"""
# Waiting for another process's short write; a command that only reads never holds the file for longer.
_BUSY_SECONDS = 30


class StateLost(Exception):
    """The state was unusable and has been emptied; fill it again from the copies and repeat."""


class Place(NamedTuple):
    """Where one blob lies: its pack's hash, its number in the pack, and its row of the table."""

    pack: bytes
    number: int
    offset: int
    type: int
    codec: int
    sealed_len: int
    plain_len: int


class BlobRow(NamedTuple):
    """One row to keep, as `State.add_pack` takes it: id, then number, offset, type, codec, sealed and
    plain length.
    """

    id: bytes
    number: int
    offset: int
    type: int
    codec: int
    sealed_len: int
    plain_len: int


class State:
    """One vault's cache. Safe to use from several threads; several processes may have it open.

    Every method raises StateLost where the file turned out damaged, and Full, ReadOnly, Busy or OSError where it
    cannot be read or written now: it is not thrown away for that.
    """

    def __init__(self, path: Path, vault_id: bytes) -> None:
        self._path = path
        self._vault_id = vault_id
        self._lock = threading.RLock()
        self._holds: str | None = None
        self._db = self._connect()
        self._check_owner()

    def _connect(self) -> sqlite3.Connection:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        try:
            return self._prepared()
        except sqlite3.DatabaseError as error:
            if failure := _not_damage(error, self._path):
                raise failure from error
        self._unlink()
        try:
            return self._prepared()
        except sqlite3.DatabaseError as error:
            raise _not_damage(error, self._path) or error from error

    def _prepared(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            db.execute("PRAGMA cache_size = -32768")  # KiB: 32 MiB of the 250 that a command may take
            db.executescript(_TABLES)
        except BaseException:
            db.close()
            raise
        return db

    def _check_owner(self) -> None:
        owner = b"%d " % SCHEMA + self._vault_id
        try:
            known = self.get("owner")
        except StateLost:
            known = None
        if known is None:
            self.put("owner", owner)
        elif known != owner:
            self.reset()

    def _unlink(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)

    def reset(self) -> None:
        """Forget everything: the answer to any doubt."""
        with self._lock:
            self._db.close()
            self._unlink()
            self._db = self._connect()
            self.put("owner", b"%d " % SCHEMA + self._vault_id)

    def close(self) -> None:
        self._db.close()

    # Every statement goes through these three, so that damage is noticed in one place.

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._db
            except sqlite3.DatabaseError as error:
                self._lost(error)
                raise

    def _lost(self, error: sqlite3.DatabaseError) -> None:
        """Where the file itself is wrong: empty it, and raise StateLost. Other errors are not its fault."""
        if _only_busy(error) or isinstance(error, (sqlite3.ProgrammingError, sqlite3.IntegrityError)):
            return
        self.reset()
        raise StateLost(str(error)) from error

    def _rows(self, sql: str, *values: Any) -> list[Any]:
        with self._guarded() as db:
            return db.execute(sql, values).fetchall()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._guarded() as db:
            if db.in_transaction:
                db.execute("COMMIT")
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    db.execute("ROLLBACK")
                raise

    # Single values.

    def get(self, key: str) -> bytes | None:
        rows = self._rows("SELECT value FROM meta WHERE key = ?", key)
        return rows[0][0] if rows else None

    def put(self, key: str, value: bytes) -> None:
        with self._writing() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    # Packs and blobs.

    def packs(self) -> dict[bytes, int]:
        """Hash and size of every pack whose table is known."""
        return dict(self._rows("SELECT digest, size FROM packs"))

    def unindexed(self) -> list[tuple[bytes, int]]:
        """Hash and size of the packs that stand in no index file."""
        return self._rows("SELECT digest, size FROM packs WHERE indexed = 0")

    def mark_indexed(self, packs: Iterable[bytes]) -> None:
        with self._writing() as db:
            db.executemany("UPDATE packs SET indexed = 1 WHERE digest = ?", ((pack,) for pack in packs))

    def add_pack(self, digest: bytes, size: int, rows: Iterable[BlobRow], indexed: bool = False) -> None:
        """Know a pack's table. Knowing it already is not an error."""
        with self._writing() as db:
            db.execute(
                "INSERT OR IGNORE INTO packs (digest, size, indexed) VALUES (?, ?, ?)",
                (digest, size, indexed),
            )
            number = db.execute("SELECT number FROM packs WHERE digest = ?", (digest,)).fetchone()[0]
            db.executemany(
                "INSERT OR REPLACE INTO blobs VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                ((row[0], number, *row[1:]) for row in sorted(rows)),
            )

    def drop_packs(self, digests: Iterable[bytes]) -> None:
        """Forget packs that are no longer there, and with them everything that was trusted without
        reading.
        """
        with self._writing() as db:
            for digest in digests:
                for (number,) in db.execute(
                    "SELECT number FROM packs WHERE digest = ?", (digest,)
                ).fetchall():
                    db.execute("DELETE FROM blobs WHERE pack = ?", (number,))
                    db.execute("DELETE FROM packs WHERE number = ?", (number,))
            db.execute("DELETE FROM folders")

    def drop_all_packs(self) -> None:
        """Forget every pack, blob and folder; records and this device's own place in the log stay."""
        with self._writing() as db:
            for table in ("packs", "blobs", "folders"):
                db.execute(f"DELETE FROM {table}")

    def suspect(self, digests: Iterable[bytes], cleared: Iterable[bytes]) -> None:
        """Remember packs that were found damaged, and forget it of those that were found whole.

        What lies in a suspect pack alone is still read from it, and is not held: it is stored anew when
        it is met.
        """
        with self._writing() as db:
            db.executemany("DELETE FROM suspects WHERE digest = ?", ((digest,) for digest in cleared))
            for digest in digests:
                if db.execute("INSERT OR IGNORE INTO suspects VALUES (?)", (digest,)).rowcount:
                    db.execute("DELETE FROM folders")
        self._holds = None

    def _question(self) -> str:
        plain = "SELECT 1 FROM blobs WHERE id = ?"
        if not self._rows("SELECT 1 FROM suspects LIMIT 1"):
            return plain
        bad = "SELECT number FROM packs JOIN suspects USING (digest)"
        return f"{plain} AND pack NOT IN ({bad})"

    def places(self, blob_id: bytes) -> list[Place]:
        """Everywhere this blob lies, as far as is known here."""
        sql = (
            "SELECT p.digest, b.number, b.offset, b.type, b.codec, b.sealed, b.plain"
            " FROM blobs b JOIN packs p ON p.number = b.pack WHERE b.id = ?"
        )
        return [Place(*row) for row in self._rows(sql, blob_id)]

    def holds(self, blob_id: bytes) -> bool:
        """Whether the blob lies in a pack that is not suspect."""
        # Asked for every blob that is written: without the frame of `_guarded`, and inside one
        # transaction until the
        # next write, since taking and leaving the file's lock costs more than the lookup.
        with self._lock:
            try:
                if not self._db.in_transaction:
                    self._db.execute("BEGIN")
                self._holds = self._holds or self._question()
                return self._db.execute(self._holds, (blob_id,)).fetchone() is not None
            except sqlite3.DatabaseError as error:
                self._lost(error)
                raise

    def pack_rows(self, digest: bytes) -> list[BlobRow]:
        """A pack's table in order."""
        sql = (
            "SELECT b.id, b.number, b.offset, b.type, b.codec, b.sealed, b.plain"
            " FROM blobs b JOIN packs p ON p.number = b.pack WHERE p.digest = ? ORDER BY b.number"
        )
        return [BlobRow(*row) for row in self._rows(sql, digest)]

    def counts(self) -> tuple[int, int, int]:
        """Packs, bytes in packs, distinct blobs."""
        packs, size = self._rows("SELECT COUNT(*), COALESCE(SUM(size), 0) FROM packs")[0]
        return packs, size, self._rows("SELECT COUNT(*) FROM blobs")[0][0]

    # Records.

    def logs(self) -> dict[str, tuple[bytes, bytes]]:
        """Per log file of a copy: the records in it (opaque here), and the check sum that was given with
        them.
        """
        return {name: (records, check) for name, records, check in self._rows("SELECT * FROM logs")}

    def put_logs(self, logs: Iterable[tuple[str, bytes, bytes]]) -> None:
        with self._writing() as db:
            db.executemany("INSERT OR REPLACE INTO logs VALUES (?, ?, ?)", logs)

    # Folders.

    def recall(self, source: bytes, path: bytes) -> tuple[bytes, bytes] | None:
        rows = self._rows("SELECT look, content FROM folders WHERE source = ? AND path = ?", source, path)
        return rows[0] if rows else None

    def stage(self, rows: Iterable[tuple[bytes, bytes, bytes]]) -> None:
        """Put rows of path, look, content aside, on disk, until `keep_staged`. A new process begins with
        none.
        """
        with self._writing() as db:
            db.executemany("INSERT OR REPLACE INTO staged VALUES (?, ?, ?)", rows)

    def keep_staged(self, source: bytes, forget: Iterable[bytes]) -> None:
        """Drop what is at and below each path of `forget`, then keep the staged rows: all of it or
        nothing.
        """
        with self._writing() as db:
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


def _not_damage(error: sqlite3.Error, path: Path) -> Exception | None:
    """What to raise where the file may be whole and the disk, or somebody else, is in the way; None for damage."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Busy(str(path))
    if code == sqlite3.SQLITE_FULL:
        return Full(str(path.parent))
    if code == sqlite3.SQLITE_READONLY:
        return ReadOnly(str(path.parent))
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN):
        return OSError(errno.EIO, os.strerror(errno.EIO), str(path))
    return None
