"""Twelve months of a family, as trees of a day each: what people and their programs do to pictures, papers
and chats when nothing is wrong.
"""

import random
from collections.abc import Iterator

import msgspec

from tests.browse.snapshots import line as made_by_hand
from tests.fakes import FakeSink
from tests.tree.trees import Tree, build
from vaultd.guard.trips import DAY, Trip
from vaultd.jobs.looking import Look
from vaultd.tree.snapshots import Snapshot
from vaultd.tree.sources import Source

START = 1_790_000_000 * 10**9
# So many snapshots are remembered: a month, and some.
REMEMBERED = 40
_TEMPLATE = made_by_hand(FakeSink(), {})[0]
_JPEG = b"\xff\xd8\xff\xe0"


class Family:
    """One source of theirs, `kind`, with about so many `files` at the beginning."""

    def __init__(self, seed: int, kind: str, files: int) -> None:
        self.rng, self.kind, self.number = random.Random(f"{seed} {kind}"), kind, 0
        self.tree: Tree = {}
        for _ in range(files):
            self._add(b"20%02d" % self.rng.randrange(10, 26))

    def days(self, count: int) -> Iterator[Tree]:
        for day in range(count):
            getattr(self, f"_{self.kind}")(day)
            yield self.tree

    # Photos: imports, stars, tidying up, renamed albums, edits.

    def _photos(self, day: int) -> None:
        rng = self.rng
        if rng.random() < 0.3:
            self._import(rng.randrange(1, 25))
        if day % 90 == 30:
            self._import(rng.randrange(50, 120))  # a holiday
        if rng.random() < 0.4:
            self._delete(rng.randrange(1, 4))
        if day % 30 == 12:
            self._delete(rng.randrange(5, 18))  # tidying up
        if rng.random() < 0.1:
            self._rewrite(rng.randrange(1, 30))
        if rng.random() < 0.05:
            self._rename()
        if day in (100, 250):
            self._free_space()

    def _files(self, day: int) -> None:
        if self.rng.random() < 0.6:
            self._rewrite(self.rng.randrange(1, 6))
        if self.rng.random() < 0.4:
            self._import(self.rng.randrange(1, 4))
        if self.rng.random() < 0.3:
            self._delete(self.rng.randrange(1, 4))
        if day % 60 == 20:
            self._rename()

    def _chat(self, day: int) -> None:
        backups = self.tree.setdefault(b"Databases", {})
        backups[b"msgstore-%d.db.crypt15" % day] = self.rng.randbytes(40)
        backups.pop(b"msgstore-%d.db.crypt15" % (day - 7), None)
        store = self.tree.setdefault(b"db_storage", {})
        store[b"message_0.db"] = b"salt of this store" + bytes(200 + day) + self.rng.randbytes(8)
        self._import(self.rng.randrange(0, 5))
        cache = self.tree.setdefault(b"Cache", {})
        cache[b"%d" % day] = b"cached %d" % day
        if day % 20 == 19:
            cache.clear()

    def _add(self, folder: bytes) -> None:
        self.number += 1
        album = self.tree.setdefault(folder, {})
        album[b"IMG_%05d.jpg" % self.number] = _JPEG + self.rng.randbytes(16)

    def _import(self, count: int) -> None:
        for _ in range(count):
            self._add(b"2026")

    def _places(self) -> list[tuple[bytes, bytes]]:
        return [(folder, name) for folder, album in self.tree.items() for name in album]

    def _some(self, count: int) -> list[tuple[bytes, bytes]]:
        places = [each for each in self._places() if each[1].startswith(b"IMG_")]
        return self.rng.sample(places, min(count, len(places)))

    def _delete(self, count: int) -> None:
        for folder, name in self._some(count):
            del self.tree[folder][name]

    def _rewrite(self, count: int) -> None:
        for folder, name in self._some(count):
            self.tree[folder][name] = _JPEG + self.rng.randbytes(16)

    def _rename(self) -> None:
        folder = self.rng.choice([b"2026", *(each for each in self.tree if each[:1] in b"2a")])
        if folder not in self.tree:
            return
        self.tree[b"album %d" % self.rng.randrange(10**6)] = self.tree.pop(folder)

    def _free_space(self) -> None:
        """The card is emptied: a third of all goes, album by album."""
        left = len(self._places()) * 2 // 3
        for folder in sorted(self.tree, key=lambda each: len(self.tree[each])):
            if len(self._places()) > left and len(self.tree) > 2:
                del self.tree[folder]


def held(family: Family, source: Source, days: int) -> Iterator[tuple[int, list[Trip]]]:
    """The days on which the guard holds, with what it found; its owner accepts each at once."""
    sink, line, floor = FakeSink(), list[Snapshot](), 0
    for day, tree in enumerate(family.days(days)):
        root = build(sink, tree)
        files = sum(map(len, tree.values()))
        counts = {"files": files, "bytes": files * 20}
        at = START + day * DAY
        body = msgspec.structs.replace(_TEMPLATE.body, started=at, ended=at, root=root, counts=counts)
        line.append(Snapshot(day.to_bytes(32), bytes(8), day + 1, body))
        if len(line) > REMEMBERED:
            del line[0]
            floor = max(0, floor - 1)
        if len(line) > 1:
            trips = Look(sink, source, line, floor).trips(len(line) - 2, month=True)
            if trips:
                yield day, trips
                floor = len(line) - 1
