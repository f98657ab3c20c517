"""The tables of packs as rows of local state: put there for many packs at once, with one index of all ids.

Where more packs are new than are known, the index is dropped, the rows are appended, and the index is made
when all of them are there: one sort, instead of a search for each row in a tree that has outgrown every
cache. A process that ends in between leaves packs that are known whole, and rows that are slow to find;
whoever is next goes on.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, count, repeat
from typing import Any, NamedTuple

from vaultd.format.box import Row, offsets

# Not by id: rows are appended in whatever order they come.
TABLES = """
CREATE TABLE IF NOT EXISTS packs (
    number INTEGER PRIMARY KEY, digest BLOB UNIQUE NOT NULL, size INTEGER NOT NULL, indexed INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS blobs (
    id BLOB NOT NULL, pack INTEGER NOT NULL, number INTEGER, offset INTEGER, type INTEGER, codec INTEGER,
    sealed INTEGER, plain INTEGER);
"""
# A statement costs more than a row; beyond some hundred rows nothing is gained.
_KEPT_TOGETHER = 256
# Rows of one transaction: some 400 bytes of memory each, 26 MB in all.
ROWS_TOGETHER = 1 << 16


class PackRows(NamedTuple):
    """What is known of one pack: the hash that is its name, its file's length, its table; whether an index
    file lists it.
    """

    digest: bytes
    size: int
    rows: Sequence[Row]
    indexed: bool = False


class Place(NamedTuple):
    """Where one blob lies: its pack's hash, its number in the pack, and its row of the table."""

    pack: bytes
    number: int
    offset: int
    type: int
    codec: int
    sealed_len: int
    plain_len: int

    def row(self, blob_id: bytes) -> Row:
        """The row of the pack's table that this blob has there."""
        return Row(blob_id, self.type, self.codec, self.sealed_len, self.plain_len)


class BlobRow(NamedTuple):
    """One row that is kept: id, then number, offset, type, codec, sealed and
    plain length.
    """

    id: bytes
    number: int
    offset: int
    type: int
    codec: int
    sealed_len: int
    plain_len: int


def together(packs: Iterable[PackRows]) -> Iterator[list[PackRows]]:
    """The packs in groups, each as large as one transaction may be, or of one pack that is larger."""
    group: list[PackRows] = []
    rows = 0
    for pack in packs:
        group.append(pack)
        rows += len(pack.rows)
        if rows >= ROWS_TOGETHER:
            yield group
            group, rows = [], 0
    if group:
        yield group


def insert(db: sqlite3.Connection, packs: Iterable[PackRows]) -> None:
    """Add the packs that are not there, and their rows, by id where the index has to take them: so they go
    to neighbouring pages of it.
    """
    placed: list[tuple[Any, ...]] = []
    for pack in packs:
        done = db.execute(
            "INSERT OR IGNORE INTO packs (digest, size, indexed) VALUES (?, ?, ?)",
            (pack.digest, pack.size, pack.indexed),
        )
        if done.rowcount:
            # Never null, unless the file has forgotten that it is the key: then no row is taken.
            number = db.execute("SELECT number FROM packs WHERE digest = ?", (pack.digest,)).fetchone()[0]
            placed += _placed(number, pack.rows)
    if _has_index(db):
        placed.sort()
    for begin in range(0, len(placed), _KEPT_TOGETHER):
        some = placed[begin : begin + _KEPT_TOGETHER]
        marks = ",".join(["(?,?,?,?,?,?,?,?)"] * len(some))
        db.execute(f"INSERT INTO blobs VALUES {marks}", tuple(chain.from_iterable(some)))


def _placed(number: int | None, rows: Sequence[Row]) -> Iterator[tuple[Any, ...]]:
    columns = zip(*rows, strict=True)
    of_id, rest = next(columns), tuple(columns)
    return zip(of_id, repeat(number), count(), offsets(rows), *rest, strict=False)


def remove(db: sqlite3.Connection, digests: Iterable[bytes]) -> None:
    """Remove packs and their rows: one look at all rows, however many packs are gone."""
    numbers = [
        number
        for digest in digests
        for (number,) in db.execute("SELECT number FROM packs WHERE digest = ?", (digest,)).fetchall()
    ]
    db.execute("CREATE TEMP TABLE IF NOT EXISTS gone (number INTEGER PRIMARY KEY)")
    db.executemany("INSERT INTO gone VALUES (?)", zip(numbers, strict=True))
    db.execute("DELETE FROM blobs WHERE pack IN (SELECT number FROM gone)")
    db.execute("DELETE FROM packs WHERE number IN (SELECT number FROM gone)")
    db.execute("DELETE FROM gone")


def _has_index(db: sqlite3.Connection) -> bool:
    return bool(db.execute("SELECT 1 FROM sqlite_master WHERE name = 'blobs_by_id'").fetchall())


def drop_index(db: sqlite3.Connection) -> None:
    db.execute("DROP INDEX IF EXISTS blobs_by_id")


def make_index(db: sqlite3.Connection) -> None:
    """Make the index of ids where it is missing."""
    if not _has_index(db):
        db.execute("CREATE INDEX IF NOT EXISTS blobs_by_id ON blobs (id)")
