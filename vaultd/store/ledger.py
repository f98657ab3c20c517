"""When each file of each copy was last read back from its medium and matched its name, and how the last drill
of each copy went.

Like the state it may be lost, damaged or rolled back: then less is known to be safe, and it is read again.
Files go by their hashes, which no damage of this file turns into one another. A time in the future was told
by a clock that was wrong, then or now, and counts as none.
"""

import contextlib
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec
from blake3 import blake3

from vaultd.store.database import Database, StateLost

# `caches` is `matched` for files whose loss would not be felt: what is gone of those is not missed.
_TABLES = """
CREATE TABLE IF NOT EXISTS matched (
    copy BLOB, digest BLOB, time INTEGER NOT NULL, PRIMARY KEY (copy, digest)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS caches (
    copy BLOB, digest BLOB, time INTEGER NOT NULL, PRIMARY KEY (copy, digest)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS heads (
    copy BLOB, device BLOB, seq INTEGER NOT NULL, digest BLOB NOT NULL,
    PRIMARY KEY (copy, device)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS drills (
    copy BLOB PRIMARY KEY, time INTEGER NOT NULL, files INTEGER NOT NULL, wrong INTEGER NOT NULL,
    seed INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS clock (one INTEGER PRIMARY KEY CHECK (one = 1), value BLOB, check_sum BLOB);
CREATE TABLE IF NOT EXISTS sights (record BLOB PRIMARY KEY, value BLOB, check_sum BLOB) WITHOUT ROWID;
"""
_ASKED_TOGETHER = 512
# What was counted, and when: these rows let things be deleted, so that none may be a bit wrong.
Clock = tuple[str, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Drilled:
    """The last drill of a copy: when (ns), how many files were restored and compared, what was wrong (0: all
    right), and the seed of its sample.
    """

    time: int
    files: int
    wrong: int
    seed: int


class Ledger(Database):
    """The account of one computer. Copies go by their ids, 16 bytes."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, _TABLES)

    def matched(self, copy_id: bytes) -> set[bytes]:
        """Hashes of the files that were read back from this copy, and whose loss would be felt."""
        try:
            return {row[0] for row in self._rows("SELECT digest FROM matched WHERE copy = ?", copy_id)}
        except StateLost:
            return set()

    def times(self, copy_id: bytes) -> dict[bytes, int]:
        """When (ns) each file was last read back from this copy; caches too, nothing of the future."""
        both = (
            "SELECT digest, time FROM matched WHERE copy = ?1 UNION ALL"
            " SELECT digest, time FROM caches WHERE copy = ?1"
        )
        now = time.time_ns()
        try:
            return {digest: when for digest, when in self._rows(both, copy_id) if _is_past(when, now)}
        except StateLost:
            return {}

    def since(self, copy_id: bytes, digests: Collection[bytes]) -> tuple[int, int | None]:
        """How many of these files were never read back from this copy, and when (ns) the one was that has
        waited longest since; None where none was.
        """
        times = [when for digest, when in self.times(copy_id).items() if digest in digests]
        return len(digests) - len(times), min(times, default=None)

    def add(self, copy_id: bytes, digests: Iterable[bytes]) -> None:
        """These were read back just now, and matched."""
        self._add("INSERT OR REPLACE INTO matched VALUES (?, ?, ?)", copy_id, digests)

    def add_caches(self, copy_id: bytes, digests: Iterable[bytes]) -> None:
        """The same of files whose loss would not be felt."""
        self._add("INSERT OR REPLACE INTO caches VALUES (?, ?, ?)", copy_id, digests)

    def _add(self, sql: str, copy_id: bytes, digests: Iterable[bytes]) -> None:
        now = time.time_ns()
        with contextlib.suppress(StateLost), self._writing() as db:
            db.executemany(sql, ((copy_id, digest, now) for digest in digests))

    def forget(self, copy_id: bytes, digests: Iterable[bytes]) -> None:
        """These were found damaged or missing, or are not what was read back any more."""
        rows = [(copy_id, digest) for digest in digests]
        with contextlib.suppress(StateLost), self._writing() as db:
            db.executemany("DELETE FROM matched WHERE copy = ? AND digest = ?", rows)
            db.executemany("DELETE FROM caches WHERE copy = ? AND digest = ?", rows)
            db.executemany("DELETE FROM heads WHERE copy = ? AND digest = ?", rows)

    def heads(self, copy_id: bytes) -> dict[bytes, tuple[int, bytes]]:
        """Of each device the number and the hash of the last file of its log that was read back from this
        copy.
        """
        asked = "SELECT device, seq, digest FROM heads WHERE copy = ? AND typeof(seq) = 'integer'"
        try:
            return {device: (seq, digest) for device, seq, digest in self._rows(asked, copy_id)}
        except StateLost:
            return {}

    def add_heads(self, copy_id: bytes, heads: Mapping[bytes, tuple[int, bytes]]) -> None:
        """These were read back just now; earlier ones than are known change nothing."""
        sql = (
            "INSERT INTO heads VALUES (?, ?, ?, ?) ON CONFLICT (copy, device)"
            " DO UPDATE SET seq = excluded.seq, digest = excluded.digest WHERE excluded.seq > seq"
        )
        with contextlib.suppress(StateLost), self._writing() as db:
            db.executemany(sql, ((copy_id, device, *head) for device, head in heads.items()))

    def drilled(self, copy_id: bytes) -> Drilled | None:
        """The last drill of this copy; None where there was none, or only one in the future."""
        asked = "SELECT time, files, wrong, seed FROM drills WHERE copy = ?"
        try:
            rows = [Drilled(*row) for row in self._rows(asked, copy_id)]
        except StateLost:
            return None
        sane = (row for row in rows if all(isinstance(each, int) and each >= 0 for each in _facts(row)))
        return next((row for row in sane if _is_past(row.time, time.time_ns())), None)

    def add_drill(self, copy_id: bytes, files: int, wrong: int, seed: int) -> None:
        """A drill of this copy has ended just now. Raises Full, ReadOnly, Busy, OSError."""
        row = (copy_id, time.time_ns(), files, wrong, seed)
        self._surely("INSERT OR REPLACE INTO drills VALUES (?, ?, ?, ?, ?)", [row])

    # Time that has passed: see jobs/passing.py. Where these cannot be had, it begins anew.

    def clock(self) -> Clock | None:
        """What was last put there; None where nothing was, or it was damaged."""
        try:
            rows = self._rows("SELECT value, check_sum FROM clock")
        except StateLost:
            return None
        return _decoded(_clock_decoder, b"", *rows[0]) if rows else None

    def put_clock(self, clock: Clock) -> None:
        """Raises Full, ReadOnly, Busy, OSError."""
        value = msgspec.msgpack.encode(clock)
        self._surely("INSERT OR REPLACE INTO clock VALUES (1, ?, ?)", [(value, _sum(b"", value))])

    def sights(self, records: Sequence[bytes]) -> dict[bytes, tuple[int, int]]:
        """When each of these records was first seen, by the two counters; those that never were are left
        out.
        """
        found: dict[bytes, tuple[int, int]] = {}
        for begin in range(0, len(records), _ASKED_TOGETHER):
            some = records[begin : begin + _ASKED_TOGETHER]
            asked = (
                f"SELECT record, value, check_sum FROM sights WHERE record IN ({','.join('?' * len(some))})"
            )
            with contextlib.suppress(StateLost):
                for record, *row in self._rows(asked, *some):
                    seen = _decoded(_sight_decoder, record, *row)
                    found |= {record: seen} if seen is not None else {}
        return found

    def add_sights(self, records: Iterable[bytes], now: tuple[int, int]) -> None:
        """These were first seen now. Raises Full, ReadOnly, Busy, OSError."""
        value = msgspec.msgpack.encode((now[0], now[1]))
        rows = [(record, value, _sum(record, value)) for record in records]
        self._surely("INSERT OR REPLACE INTO sights VALUES (?, ?, ?)", rows)


_clock_decoder = msgspec.msgpack.Decoder(Clock)
_sight_decoder = msgspec.msgpack.Decoder(tuple[int, int])
_Row = TypeVar("_Row")


def _decoded(
    decoder: "msgspec.msgpack.Decoder[_Row]", key: bytes, value: object, check: object
) -> _Row | None:
    """A row that is as it was written; None for any other."""
    if not isinstance(value, bytes) or _sum(key, value) != check:
        return None
    return decoder.decode(value)


def _sum(key: bytes, value: bytes) -> bytes:
    return blake3(key + value).digest(8)


def _facts(row: Drilled) -> tuple[int, int, int, int]:
    return row.time, row.files, row.wrong, row.seed


def _is_past(when: object, now: int) -> bool:
    """Whether this is a time, and one that has been."""
    return isinstance(when, int) and 0 < when <= now
