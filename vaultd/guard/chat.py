"""G3: a store of messages is gone, or an app has begun it anew, which looks to others like a new version."""

from collections.abc import Sequence
from dataclasses import dataclass

from vaultd.guard.trips import CHAT, Trip, some_of

# Sixteen pages: an app that has just made its tables has no more.
LEAST_BYTES = 64 << 10
# A store that once held 8 MiB has years in it; half of it gone is no tidying up.
STORE_BYTES, SHRINKS_TO = 8 << 20, 2
# A new key or salt alone is an update of the app. With three tenths of the bytes gone it is a new beginning.
TOTAL_PART, TOTAL_OF = 3, 10
_ENDINGS = (b".db", b".sqlite", b".sqlite3")
# What is made of other tables, and made anew at will: full text search.
_DERIVED = (b"fts", b"search_index")
SALT_BYTES = 16
_SQLITE = b"SQLite format 3\0"


def is_database(path: bytes) -> bool:
    """Whether this is where an app keeps messages, by its name."""
    name = path.rpartition(b"/")[2].lower()
    return name.endswith(_ENDINGS) and not any(word in name for word in _DERIVED)


@dataclass(frozen=True, slots=True)
class Store:
    """A database, and what it was: `most` bytes within 30 days, `now` bytes (None: it is gone). `head` and
    `head_now` are its first 16 bytes, then and now. `total` and `total_now` are the bytes of all databases in
    its folder.
    """

    path: bytes
    most: int
    now: int | None
    head: bytes = b""
    head_now: bytes = b""
    total: int = 0
    total_now: int = 0

    @property
    def has_new_salt(self) -> bool:
        """Whether it was begun anew, or given another key: each of these has a salt of its own."""
        return bool(self.head and self.head_now) and self.head != self.head_now

    @property
    def is_lost(self) -> bool:
        if self.now is None:
            return self.most >= LEAST_BYTES
        if self.most >= STORE_BYTES and self.now * SHRINKS_TO < self.most:
            return True
        # Of one that is not encrypted the head is the same in all: its size alone tells.
        is_new = self.has_new_salt or self.head_now == _SQLITE
        has_shrunk = self.total_now < self.total * (TOTAL_OF - TOTAL_PART) / TOTAL_OF
        return is_new and self.total >= STORE_BYTES and has_shrunk


def lost(stores: Sequence[Store]) -> Trip | None:
    """Stores are gone or begun anew."""
    found = [store for store in stores if store.is_lost]
    if not found:
        return None
    facts = {
        "stores": len(found),
        "store_bytes": sum(store.most for store in found),
        "store_bytes_now": sum(store.now or 0 for store in found),
    }
    return Trip(CHAT, facts, some_of([store.path for store in found]))


def rekeyed(stores: Sequence[Store]) -> list[bytes]:
    """Those that have a new key and lost nothing: an update of the app, and worth a word."""
    return [store.path for store in stores if store.has_new_salt and not store.is_lost]
