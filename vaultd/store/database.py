"""An SQLite file that may be lost: opened, guarded, and thrown away where it is damaged.

Damage is told apart from a disk that is full, cannot be written to or does not answer, and from another
process that is writing: for those nothing is thrown away.
"""

import contextlib
import errno
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from vaultd.errors import Busy, Full, ReadOnly

# Waiting for another process's short write; a command that only reads never holds the file for longer.
_BUSY_SECONDS = 30
# Instructions of SQLite, a few milliseconds of them.
_STEPS_UNHEARD = 100_000
# The second where SQLite quotes in its message the text that is damaged.
FAILED = (sqlite3.DatabaseError, UnicodeDecodeError)


class StateLost(Exception):
    """The state was unusable and has been emptied; fill it again from the copies and repeat."""


class Database:
    """One file with the given tables. Safe to use from several threads; several processes may have it
    open.

    Every method raises StateLost where the file turned out damaged, and Full, ReadOnly, Busy or OSError
    where it cannot be read or written now.
    """

    def __init__(self, path: Path, tables: str) -> None:
        self._path = path
        self._tables = tables
        self._lock = threading.RLock()
        self._db = self._connect()

    def close(self) -> None:
        self._db.close()

    def reset(self) -> None:
        """Forget everything: the answer to any doubt."""
        with self._lock:
            self._db.close()
            self._unlink()
            self._db = self._connect()

    def version(self) -> int:
        """Another number where another process has changed the file since it was last asked for."""
        with self._guarded() as db:
            if db.in_transaction:
                db.execute("COMMIT")
            version: int = db.execute("PRAGMA data_version").fetchone()[0]
            return version

    def _connect(self) -> sqlite3.Connection:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        try:
            return self._prepared()
        except FAILED as error:
            if failure := _not_damage(error, self._path):
                raise failure from error
        self._unlink()
        try:
            return self._prepared()
        except FAILED as error:
            raise _not_damage(error, self._path) or error from error

    def _prepared(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            self._sort_beside(db)
            db.execute("PRAGMA cache_size = -32768")  # KiB: 32 MiB of the 250 that a command may take
            db.executescript(self._tables)
        except BaseException:
            db.close()
            raise
        return db

    def _sort_beside(self, db: sqlite3.Connection) -> None:
        """What has to be sorted goes to files in our folder, which has room for the rows, rather than to
        /tmp, which may be memory. Said first of all, since it drops every temporary table.
        """
        folder = str(self._path.parent.absolute()).replace("'", "''")
        with contextlib.suppress(sqlite3.Error, UnicodeError):  # not every SQLite can
            db.execute(f"PRAGMA temp_store_directory = '{folder}'")

    def _unlink(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)

    # Every statement goes through these, so that damage is noticed in one place.

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._db
            except FAILED as error:
                self._tell(error)
                raise

    def _tell(self, error: Exception) -> None:
        """Raise what the failure of a statement means; return where it is a mistake of ours."""
        if isinstance(error, sqlite3.ProgrammingError):
            return
        if failure := _not_damage(error, self._path):
            raise failure from error
        self.reset()
        raise StateLost(str(error)) from error

    def _rows(self, sql: str, *values: Any) -> list[Any]:
        with self._guarded() as db:
            return db.execute(sql, values).fetchall()

    def _look_up(self, sql: str, *values: Any) -> list[Any]:
        """`_rows` for what is asked a hundred thousand times.

        Asked inside one transaction until the next write, since taking and leaving the file's lock costs
        more than the lookup.
        """
        with self._lock:
            try:
                if not self._db.in_transaction:
                    self._db.execute("BEGIN")
                return self._db.execute(sql, values).fetchall()
            except FAILED as error:
                self._tell(error)
                raise

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

    @contextlib.contextmanager
    def _lasting(self) -> Iterator[sqlite3.Connection]:
        """For one statement that may take a minute, in a transaction of its own. Whoever asks to stop is
        heard meanwhile, and then nothing of it is done: KeyboardInterrupt.
        """
        with self._guarded() as db:
            if db.in_transaction:
                db.execute("COMMIT")
            # While it runs, Python looks for signals only here; what is raised then makes SQLite give up.
            db.set_progress_handler(lambda: 0, _STEPS_UNHEARD)
            try:
                yield db
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                    raise KeyboardInterrupt from None
                raise
            finally:
                db.set_progress_handler(None, 0)

    def _surely(self, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Write rows that need none that was there before: where the file is damaged, into a new one."""
        try:
            self._write_all(sql, rows)
        except StateLost:
            self._write_all(sql, rows)

    def _write_all(self, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
        with self._writing() as db:
            db.executemany(sql, rows)


def _not_damage(error: Exception, path: Path) -> Exception | None:
    """What to raise where the disk or somebody else is in the way of a file that may be whole; None:
    damage.
    """
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
