"""Families' folders in small, what attacks them, and a vault whose guard looks at each snapshot, at times
that the test chooses.
"""

import random
import shutil
import sqlite3
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.compare_trees import differences
from tests.jobs.vaults import Computer, new_vault
from vaultd.guard.trips import DAY
from vaultd.jobs.guarding import Guarded, guarded_snapshot
from vaultd.progress import Silent
from vaultd.tree.incidents import Incident, list_incidents
from vaultd.tree.selectors import select
from vaultd.tree.snapshots import list_snapshots
from vaultd.tree.sources import find_source, list_sources

START = 1_790_000_000 * 10**9
HEAD = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
HEAD += b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"
BLOCK = 4096


def picture(seed: int, size: int = 50_000) -> bytes:
    """A JPEG, as far as anybody sees who does not look at it: in its scan FF stands before 00 only."""
    noise = random.Random(seed).randbytes(size).replace(b"\xff", b"\xff\x00")
    return HEAD + noise[: size - 2 - len(HEAD)].removesuffix(b"\xff") + b"\xff\xd9"


def heic(seed: int, size: int = 30_000) -> bytes:
    head = struct.pack(">I4s4sI4s", 20, b"ftyp", b"heic", 0, b"mif1")
    return head + struct.pack(">I4s", size - 20, b"mdat") + random.Random(seed).randbytes(size - 28)


def png(seed: int, size: int = 20_000) -> bytes:
    def chunk(word: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + word + data + struct.pack(">I", zlib.crc32(word + data))

    noise = random.Random(seed).randbytes(size)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", bytes(13)) + chunk(b"IDAT", noise) + chunk(b"IEND", b"")


def sealed(seed: int, size: int) -> bytes:
    """What an encrypted database looks like: noise, from its salt on."""
    return random.Random(seed).randbytes(size)


def make_pictures(top: Path, count: int = 60, folders: int = 3) -> None:
    for number in range(count):
        folder = top / str(2019 + number % folders)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"IMG_{number:04}.jpg").write_bytes(picture(number))


def make_chat(top: Path) -> None:
    (top / "db_storage").mkdir(parents=True)
    (top / "db_storage" / "message_0.db").write_bytes(sealed(1, 9 << 20))
    (top / "db_storage" / "contact.db").write_bytes(sealed(2, 1 << 20))
    (top / "db_storage" / "message_fts.db").write_bytes(sealed(3, 1 << 20))


def make_database(path: Path, rows: int) -> None:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE m (id INTEGER PRIMARY KEY, body TEXT)")
        database.executemany(
            "INSERT INTO m (body) VALUES (?)", ((f"message {n} " * 20,) for n in range(rows))
        )
    database.close()


def files(top: Path) -> list[Path]:
    return sorted(path for path in top.rglob("*") if path.is_file())


# What attacks them.


def wipe(top: Path) -> None:
    for path in top.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def encrypt_in_place(top: Path, share: float = 1.0) -> None:
    for number, path in enumerate(files(top)[: round(len(files(top)) * share)]):
        path.write_bytes(sealed(number, path.stat().st_size))


def encrypt_and_rename(top: Path) -> None:
    for number, path in enumerate(files(top)):
        path.with_name(path.name + ".lockbit").write_bytes(sealed(number, path.stat().st_size))
        path.unlink()


def encrypt_in_part(top: Path) -> None:
    """Every 16th block, and not the first, so that the beginning looks as before."""
    for number, path in enumerate(files(top)):
        with path.open("r+b") as file:
            for at in range(8 * BLOCK, path.stat().st_size - BLOCK, 16 * BLOCK):
                file.seek(at)
                file.write(sealed(number, BLOCK))


def put_thumbnails(top: Path) -> None:
    for number, path in enumerate(files(top)):
        path.write_bytes(picture(1000 + number, 4_000))


def begin_anew(top: Path) -> None:
    (top / "db_storage" / "message_0.db").write_bytes(sealed(77, 1 << 20))


class Guardian:
    """One source of one computer, saved at `now`, which the test moves on."""

    def __init__(
        self,
        work: Path,
        monkeypatch: pytest.MonkeyPatch,
        kind: str = "photos",
        folder: Path | None = None,
    ) -> None:
        self.work, self.folder, self.now, self.ran = work, folder or work / "folder", START, 0
        monkeypatch.setattr(time, "time_ns", lambda: self.now)
        monkeypatch.setattr(time, "clock_gettime_ns", lambda _: self.ran)
        self.folder.mkdir(exist_ok=True)
        self.computer: Computer = new_vault(work)
        self.computer.add(self.folder, "photos", kind=kind)

    def save(self, after: int = 0, *, force: bool = False, unless_same: bool = False) -> Guarded:
        """The next snapshot, `after` so many ns."""
        self.now, self.ran = self.now + after, self.ran + after
        with self.computer.opened(writing=True) as session:
            source = find_source(list_sources(session.vault.journal), "photos")
            return guarded_snapshot(
                session, source, Silent(), lambda: False, force=force, unless_same=unless_same
            )[1]

    def incidents(self) -> list[Incident]:
        with self.computer.opened() as session:
            return list_incidents(session.vault.journal)

    def kept(self) -> Path:
        """A copy of the folder as it is now."""
        shutil.copytree(self.folder, self.work / "kept", symlinks=True)
        return self.work / "kept"

    def gives_back(self, kept: Path) -> bool:
        """Whether what stands before the incident is, byte for byte, what was kept."""
        with self.computer.opened() as session:
            journal = session.vault.journal
            good = select(list_snapshots(journal), "photos@before-incident", list_incidents(journal))
        self.computer.give_back(self.work / "back", good.id.hex())
        return differences(kept, self.work / "back") == []


Attack = Callable[[Path], None]
YEAR = 365 * DAY
