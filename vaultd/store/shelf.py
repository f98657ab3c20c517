"""Which groups of packs the parity files of a copy stand for.

Each file says so in its first kilobyte. That is remembered by the file's name, which stands for its bytes,
and is told to be right by a hash of its own: a vault of 100 GB has 700 such files.
"""

import contextlib
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from vaultd import ids
from vaultd.copies.contract import Copy, Stored
from vaultd.errors import Damaged, Missing, Refused, Unreachable
from vaultd.format.limits import PARITY_CELL, PARITY_FRONT, PARITY_SHARDS
from vaultd.format.parity import Group, Member, read_front
from vaultd.store.database import Database, StateLost

FOLDER = "parity/"
_TABLES = """
CREATE TABLE IF NOT EXISTS fronts (
    copy BLOB, name TEXT, front BLOB NOT NULL, PRIMARY KEY (copy, name)) WITHOUT ROWID;
"""


class Fronts(Database):
    """What parity files begin with, by copy (16 bytes) and name."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, _TABLES)

    def known(self, copy_id: bytes) -> dict[str, bytes]:
        """All that are remembered of a copy."""
        try:
            rows = self._rows("SELECT name, front FROM fronts WHERE copy = ?", copy_id)
        except StateLost:
            return {}
        # What has rotted in the file may have become of any type.
        return {name: front for name, front in rows if isinstance(name, str) and isinstance(front, bytes)}

    def replace(self, copy_id: bytes, gone: Iterable[str], new: dict[str, bytes]) -> None:
        """Forget some, remember others."""
        with contextlib.suppress(StateLost), self._writing() as db:
            db.executemany(
                "DELETE FROM fronts WHERE copy = ? AND name = ?", ((copy_id, name) for name in gone)
            )
            rows = ((copy_id, name, front) for name, front in new.items())
            db.executemany("INSERT OR REPLACE INTO fronts VALUES (?, ?, ?)", rows)


@dataclass(frozen=True)
class Held:
    """A group as a copy holds it: the names of its parity files, by their number (0 or 1)."""

    group: Group
    files: dict[int, str] = field(default_factory=dict)

    @property
    def members(self) -> tuple[Member, ...]:
        return self.group.members

    @property
    def whole(self) -> bool:
        """Whether both parity files are there."""
        return len(self.files) == PARITY_SHARDS


@dataclass
class Shelf:
    """The groups of a copy; `odd` are parity files that do not say which group they are of, or are not as
    long as they say.
    """

    groups: list[Held] = field(default_factory=list)
    odd: list[Stored] = field(default_factory=list)


def look(copy: Copy, fronts: Fronts, without: Container[str] = ()) -> Shelf:
    """What the parity files of a copy stand for, but for those of the names in `without`. Raises
    Unreachable.
    """
    listed = {file.name: file for file in copy.list(FOLDER)}
    known = fronts.known(copy.copy_id)
    held: dict[tuple[Member, ...], Held] = {}
    shelf, new = Shelf(), {}
    for name, file in sorted(listed.items()):
        if name in without:
            continue
        found = _read(known.get(name, b"")) or _read(front := read_range(copy, name, 0, PARITY_FRONT))
        if found is None or file.size != found[0].file_length:
            shelf.odd.append(file)
            continue
        if name not in known or known[name] != found[0].front(found[1]):
            new[name] = front
        held.setdefault(found[0].members, Held(found[0])).files.setdefault(found[1], name)
    if new or known.keys() - listed:
        fronts.replace(copy.copy_id, known.keys() - listed.keys(), new)
    shelf.groups.extend(held.values())
    return shelf


def _read(front: bytes) -> tuple[Group, int] | None:
    try:
        return read_front(front)
    except Refused:
        return None


def packs_of(copy: Copy) -> dict[bytes, int]:
    """The packs of a copy and their lengths, by their hashes. Raises Unreachable."""
    return {bytes.fromhex(file.name[-64:]): file.size for file in copy.list("packs/")}


def covered(shelf: Shelf, packs: dict[bytes, int]) -> int:
    """How many of the packs stand in a group that has both its parity files, and nothing amiss in a
    listing.
    """
    whole = (held for held in shelf.groups if held.whole and is_there(held, packs))
    return len({member.digest for held in whole for member in held.members})


def is_there(held: Held, packs: dict[bytes, int]) -> bool:
    """Whether all packs of a group are listed, with their lengths."""
    return all(packs.get(member.digest) == member.size for member in held.members)


def read_range(copy: Copy, name: str, offset: int, length: int) -> bytes:
    """What can be had of a part of a file: where cells of it cannot be read, zeros stand for them; nothing
    of a file that is not there. Raises Unreachable where the copy does not answer at all.
    """
    try:
        return copy.get(name, offset, length)
    except (Missing, Damaged):
        return b""
    except Unreachable:
        copy.get("vault.id")  # one bad sector does not make the place go away
    if length <= PARITY_CELL:
        return b""
    parts = [
        read_range(copy, name, offset + at, PARITY_CELL).ljust(PARITY_CELL, b"\0")
        for at in range(0, length, PARITY_CELL)
    ]
    return b"".join(parts)[:length]


def pack_name(member: Member) -> str:
    return ids.pack_name(member.digest)
