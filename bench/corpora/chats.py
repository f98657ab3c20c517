"""Chats: databases that SQLite wrote, and 20,000 attachments in folders by person and month. 0.6 GB at
scale 1.

Three attachments in five are small previews, the rest pictures, documents and voices; all but the documents
are ciphertext, as chat programs keep them. The next generation: 200 messages arrive, one old message is
changed in its page, 40 attachments are new, and a person's folder gets another name.
"""

import contextlib
import hashlib
import os
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from bench.corpora.corpus import Corpus
from bench.seeded import Folder, noise, numbers, prose, scaled, settle, spread

_ATTACHMENTS = 20_000
_PEOPLE = 120
_MONTHS = 24
_A_MONTH = 7  # attachments of one person
# How many messages, and in which database: two of messages, since a chat program starts a new one when the
# old one is long, and the others are short.
_DATABASES = {
    "message/message_0.db": 300_000,
    "message/message_1.db": 80_000,
    "contact/contact.db": 4_000,
    "session/session.db": 300,
    "favorite/favorite.db": 2_000,
}
_KB = 1000
# Share, median, sigma and the most, in bytes; and whether it is ciphertext.
_KINDS = (
    (0.60, "_t.dat", 9 * _KB, 0.3, 20 * _KB, True),
    (0.30, ".dat", 38 * _KB, 0.6, 400 * _KB, True),
    (0.07, ".doc", 50 * _KB, 1.0, 2000 * _KB, False),
    (0.03, ".silk", 20 * _KB, 0.7, 100 * _KB, True),
)
_SHARES = [kind[0] for kind in _KINDS]
_MAGIC = bytes.fromhex("07085632 0807")
_MESSAGES = "db_storage/message/message_0.db"


def write(root: Path, scale: float) -> None:
    for place, count in _DATABASES.items():
        _write_database(root / "db_storage" / place, scaled(count, scale))
    dice = numbers("attachments")
    for number in range(scaled(_ATTACHMENTS, scale)):
        _write_attachment(root, dice, number)
    settle(root)


def _write_attachment(root: Path, dice: random.Random, number: int) -> None:
    _, suffix, median, sigma, most, secret = dice.choices(_KINDS, _SHARES)[0]
    label = f"attachment {number}"
    size = spread(dice, median, sigma, most)
    parts = (_MAGIC, noise(label, size)) if secret else (label.encode(), prose(dice, size))
    Folder(root / _place(number)).write(_code(label) + suffix, parts, number)


def _place(number: int) -> str:
    month = number // _PEOPLE // _A_MONTH % _MONTHS
    return f"{_person(number % _PEOPLE)}/{2024 + month // 12}-{month % 12 + 1:02}/Img"


def _person(number: int) -> str:
    return f"msg/attach/{_code(f'person {number}')}"


def _code(label: str) -> str:
    return hashlib.md5(label.encode(), usedforsecurity=False).hexdigest()


def _write_database(path: Path, messages: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    dice = numbers(path.name)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        # Nothing of this is in the file afterwards; a generator needs no journal.
        database.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN;")
        database.execute(
            "CREATE TABLE messages (id INTEGER PRIMARY KEY, talker TEXT, time INTEGER, kind INTEGER,"
            " content TEXT, server BLOB)"
        )
        database.execute("CREATE INDEX by_talker ON messages (talker, time)")
        database.executemany("INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?)", _messages(dice, messages))
        database.execute("COMMIT")
    os.utime(path, (1_704_067_200, 1_704_067_200))


def _messages(dice: random.Random, count: int, first: int = 1) -> Iterator[tuple[object, ...]]:
    for number in range(first, first + count):
        long = number % 40 == 0  # a shared link or a quoted message
        content = prose(dice, dice.randint(600, 1500) if long else spread(dice, 40, 0.9, 400))
        talker = f"wxid_{dice.randrange(_PEOPLE):04}"
        yield number, talker, 1_700_000_000 + number * 60, int(long), content.decode(), dice.randbytes(12)


def _insert(path: Path, label: str, count: int) -> None:
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        (last,) = database.execute("SELECT MAX(id) FROM messages").fetchone()
        rows = _messages(numbers(label), count, last + 1)
        database.executemany("INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?)", rows)


def change(root: Path) -> None:
    _insert(root / _MESSAGES, "one message", 1)


def edit(root: Path) -> None:
    _insert(root / _MESSAGES, "more messages", 200)
    other = root / "db_storage/message/message_1.db"
    with contextlib.closing(sqlite3.connect(other)) as database, database:
        database.execute("UPDATE messages SET kind = 7 WHERE id = (SELECT MAX(id) / 2 FROM messages)")
    dice = numbers("new attachments")
    for number in range(_ATTACHMENTS, _ATTACHMENTS + 40):
        _write_attachment(root, dice, number)
    os.rename(root / _person(2), root / "msg/attach/renamed")


CHATS = Corpus("chats", write, change, edit, one="db_storage/session/session.db")
