"""What this machine remembers of a vault: an SQLite file that is only a cache.

Deleting it, rolling it back or damaging it costs time and never changes an answer: blobs are found again
in the packs' own tables, records are read again, folders are read again, and a device whose last record
is not known takes a new id. When SQLite says that the file is damaged it is thrown away, and whoever
asked is told to fill it again (`StateLost`).
"""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from vaultd.format.limits import CHUNK
from vaultd.store import folders, tables
from vaultd.store.database import StateLost
from vaultd.store.folders import GENERATION, TREES, distrust
from vaultd.store.rows import JOINED, Rows
from vaultd.store.tables import BlobRow, PackRows, Place

__all__ = ["BlobRow", "Place", "State", "StateLost"]

SCHEMA = 2
_SPOOLED = "spooled"
_TABLES = f"""
{tables.TABLES}CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS suspects (digest BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS proven (digest BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS logs (
    name TEXT PRIMARY KEY, records BLOB NOT NULL, check_sum BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS condemned (digest BLOB PRIMARY KEY) WITHOUT ROWID;
{folders.TABLES}"""


# One bit makes text or nothing of a number, or turns its sign: such a row is none.
_SANE = " AND ".join(
    f"typeof(b.{column}) = 'integer' AND b.{column} >= 0"
    for column in ("number", "offset", "type", "codec", "sealed", "plain")
)
_PLACE = (
    "SELECT b.id, p.digest, b.number, b.offset, b.type, b.codec, b.sealed, b.plain"
    f" FROM blobs b JOIN packs p ON p.number = b.pack WHERE {_SANE} AND"
)
_HELD = f"{JOINED} LEFT JOIN proven w ON w.digest = p.digest WHERE s.digest IS NULL AND c.digest IS NULL AND"


class State(Rows):
    """One vault's cache."""

    def __init__(self, path: Path, vault_id: bytes) -> None:
        self._vault_id = vault_id
        super().__init__(path, _TABLES)
        self._check_owner()

    def _check_owner(self) -> None:
        try:
            known = self.get("owner")
        except StateLost:
            return
        if known is None:
            self.put("owner", self._owner)
        elif known != self._owner:
            self.reset()

    @property
    def _owner(self) -> bytes:
        return b"%d " % SCHEMA + self._vault_id

    def reset(self) -> None:
        """Forget everything: the answer to any doubt."""
        super().reset()
        self.put("owner", self._owner)

    # Single values.

    def get(self, key: str) -> bytes | None:
        rows = self._rows("SELECT value FROM meta WHERE key = ?", key)
        return rows[0][0] if rows else None

    def put(self, key: str, value: bytes) -> None:
        self._surely("INSERT OR REPLACE INTO meta VALUES (?, ?)", [(key, value)])

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

    def add_packs(self, packs: Iterable[PackRows]) -> None:
        """Know the tables of packs, as their trailers say: all of them or none. One that is known already
        stays as it is.
        """
        with self._writing() as db:
            tables.insert(db, packs)

    def begin_many(self) -> None:
        """More packs will be added than are known: their rows are made easy to find by `end_many`."""
        with self._writing() as db:
            tables.drop_index(db)

    def end_many(self) -> None:
        """Make all rows easy to find, whoever added them. Raises KeyboardInterrupt: they stay, and are slow
        to find.
        """
        with self._lasting() as db:
            tables.make_index(db)

    def drop_packs(self, digests: Iterable[bytes]) -> None:
        """Forget packs that are no longer there, and with them everything that was trusted without
        reading.
        """
        gone = list(digests)
        with self._writing() as db:
            tables.remove(db, gone)
            for digest in gone:
                db.execute("DELETE FROM proven WHERE digest = ?", (digest,))
            db.execute("DELETE FROM meta WHERE key = ?", (GENERATION,))
            distrust(db)

    def drop_all_packs(self) -> None:
        """Forget every pack, blob and folder; records and this device's own place in the log stay."""
        with self._writing() as db:
            for table in ("packs", "blobs"):
                db.execute(f"DELETE FROM {table}")
            db.execute("DELETE FROM meta WHERE key = ?", (GENERATION,))
            distrust(db)

    def suspect(self, digests: Iterable[bytes], cleared: Iterable[bytes]) -> None:
        """Remember packs that were found damaged, and forget it of those that were found whole.

        What lies in a suspect pack alone is still read from it, and is not held: it is stored anew when
        it is met.
        """
        whole = [(digest,) for digest in cleared]
        with self._writing() as db:
            db.executemany("DELETE FROM suspects WHERE digest = ?", whole)
            db.executemany("INSERT OR IGNORE INTO proven VALUES (?)", whole)
            for digest in digests:
                db.execute("DELETE FROM proven WHERE digest = ?", (digest,))
                if db.execute("INSERT OR IGNORE INTO suspects VALUES (?)", (digest,)).rowcount:
                    distrust(db)

    def condemn(self, digests: Collection[bytes]) -> None:
        """Remember packs that are condemned, for good: what lies in them alone is still read from them, and
        is not held. With the first sight of one goes everything that was trusted without reading.
        """
        new = set(digests) - {digest for (digest,) in self._rows("SELECT digest FROM condemned")}
        if new:
            with self._writing() as db:
                db.executemany("INSERT OR IGNORE INTO condemned VALUES (?)", ((digest,) for digest in new))
                distrust(db)

    def places(self, blob_id: bytes) -> list[Place]:
        """Everywhere this blob lies, as far as is known here."""
        return [Place(*row[1:]) for row in self._rows(f"{_PLACE} b.id = ?", blob_id)]

    def places_of(self, blob_ids: Sequence[bytes]) -> dict[bytes, Place]:
        """One place of each of these blobs, as far as is known here."""
        return {row[0]: Place(*row[1:]) for row in self._of_each(f"{_PLACE} b.id IN", blob_ids)}

    def prove(self, digest: bytes) -> None:
        """This computer wrote this pack, or read it back whole."""
        self._surely("INSERT OR IGNORE INTO proven VALUES (?)", [(digest,)])

    def holder(self, blob_id: bytes) -> tuple[bytes, bool] | None:
        """A pack that is there, is not suspect and has the blob, and whether it is proven: one that is
        comes before one that is not.
        """
        rows = self._look_up(
            f"SELECT p.digest, w.digest IS NOT NULL AS whole {_HELD} b.id = ? ORDER BY whole DESC LIMIT 1",
            blob_id,
        )
        return (rows[0][0], bool(rows[0][1])) if rows else None

    def held_of(self, blob_ids: Sequence[bytes]) -> dict[bytes, bool]:
        """For each of these blobs that has a `holder`, whether that is proven."""
        rows = self._of_each(
            f"SELECT b.id, MAX(w.digest IS NOT NULL) {_HELD} b.id IN", blob_ids, "GROUP BY 1"
        )
        return {blob_id: bool(proven) for blob_id, proven in rows}

    def lengths_of(self, blob_ids: Sequence[bytes]) -> dict[bytes, int]:
        """For each of these blobs that has a `holder`, its plain length, unless rows of it differ."""
        sql = f"SELECT b.id, MIN(b.plain), MAX(b.plain) {_HELD} b.id IN"
        rows = self._of_each(sql, blob_ids, "GROUP BY 1")
        return {blob_id: least for blob_id, least, most in rows if least == most}

    def pack_rows(self, digest: bytes) -> list[BlobRow]:
        """A pack's table in order."""
        sql = (
            "SELECT b.id, b.number, b.offset, b.type, b.codec, b.sealed, b.plain"
            " FROM blobs b JOIN packs p ON p.number = b.pack WHERE p.digest = ? ORDER BY b.number"
        )
        return [BlobRow(*row) for row in self._rows(sql, digest)]

    def packs_of_trees(self) -> tuple[dict[bytes, int], int]:
        """Hash and size of packs that have pages or lists and were not asked for before, and a mark that
        says up to where, for `mark_trees`.
        """
        mark = self.get(TREES) or b"0"
        after = int(mark) if mark.isdigit() else 0
        sql = (
            "SELECT digest, size FROM packs WHERE number IN"
            " (SELECT DISTINCT pack FROM blobs WHERE rowid > ? AND type <> ?)"
        )
        last = self._rows("SELECT COALESCE(MAX(rowid), 0) FROM blobs")[0][0]
        return dict(self._rows(sql, after, CHUNK)) if last > after else {}, last

    def mark_trees(self, last: int) -> None:
        self.put(TREES, b"%d" % last)

    def spooled(self) -> set[bytes]:
        """Hashes of the packs that waited for this copy when that was last said."""
        found = self.get(_SPOOLED) or b""
        return {found[begin : begin + 32] for begin in range(0, len(found), 32)}

    def put_spooled(self, digests: Iterable[bytes]) -> None:
        self.put(_SPOOLED, b"".join(digests))

    def count_blobs(self) -> int:
        """Distinct blobs; looks at every one."""
        count: int = self._rows("SELECT COUNT(DISTINCT id) FROM blobs")[0][0]
        return count

    # Records.

    def logs(self) -> dict[str, tuple[bytes, bytes]]:
        """Per log file of a copy: the records in it (opaque here), and the check sum that was given with
        them.
        """
        return {name: (records, check) for name, records, check in self._rows("SELECT * FROM logs")}

    def put_logs(self, logs: Iterable[tuple[str, bytes, bytes]]) -> None:
        self._surely("INSERT OR REPLACE INTO logs VALUES (?, ?, ?)", list(logs))
