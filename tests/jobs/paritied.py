"""A copy of packs with their parity, for tests: in memory, and of nothing but bytes."""

import random
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from blake3 import blake3

from vaultd.copies.contract import Buffer
from vaultd.copies.memory import MemoryCopy
from vaultd.format.limits import PARITY_CELL
from vaultd.ids import pack_name
from vaultd.jobs.cover import Made, cover, plan_cover
from vaultd.jobs.rebuild import rebuilt
from vaultd.progress import Silent
from vaultd.store.shelf import Fronts, Shelf, covered, look, packs_of

CELL = PARITY_CELL


def never() -> None:
    pass


@dataclass
class Packs:
    """A copy in memory; `fronts` is the file of the cache, None for a new one each time."""

    fronts: Path | None
    copy: MemoryCopy = field(default_factory=lambda: MemoryCopy(b"v" * 16, b"c" * 16, "main"))
    removed: set[bytes] = field(default_factory=set)

    @property
    def files(self) -> dict[str, bytes]:
        return self.copy.files

    def add(self, *sizes: int, seed: int = 0) -> list[str]:
        """Packs of these lengths, by name."""
        names = []
        for number, size in enumerate(sizes):
            data = random.Random(f"{seed} {number} {size}").randbytes(size)
            names.append(pack_name(blake3(data).digest()))
            self.files[names[-1]] = data
        return names

    def shelf(self, *bad: str) -> Shelf:
        with TemporaryDirectory() as folder, closing(Fronts(self.fronts or Path(folder, "fronts"))) as fronts:
            return look(self.copy, fronts, bad)

    def cover(self, *bad: str) -> Made:
        shelf, packs = self.shelf(*bad), packs_of(self.copy)
        plan = plan_cover(shelf, packs, self.removed)
        return cover(self.copy, shelf, plan, packs, Silent(), never, self.removed)

    def covered(self) -> int:
        return covered(self.shelf(), packs_of(self.copy))

    def parity(self) -> list[str]:
        return sorted(name for name in self.files if name.startswith("parity/"))

    def groups(self) -> list[int]:
        """How many packs are in each group."""
        return sorted(len(held.members) for held in self.shelf().groups)

    def rebuild(self, *names: str) -> set[str]:
        """The names of those that came back and were put in their place."""
        found = set()
        for digest, data in rebuilt(
            self.copy, self.shelf(), {bytes.fromhex(name[-64:]) for name in names}, never
        ):
            assert blake3(data).digest() == digest
            self.copy.put(pack_name(digest), data)
            found.add(pack_name(digest))
        return found

    def flip(self, name: str, at: int, count: int = 1) -> None:
        data = bytearray(self.files[name])
        for place in range(at, min(at + count, len(data))):
            data[place] ^= 0x55
        self.files[name] = bytes(data)


class Cut(Exception):
    """The power went."""


class Watched(MemoryCopy):
    """A copy whose power goes before write `cut`, and that counts its reads of whole files."""

    def __init__(self) -> None:
        super().__init__(b"v" * 16, b"c" * 16, "main")
        self.cut = -1
        self.fetched: list[str] = []
        self.order: list[tuple[str, str]] = []

    def _write(self, what: str, name: str) -> None:
        if self.cut == len(self.order):
            raise Cut
        self.order.append((what, name))

    def put(self, name: str, data: Buffer) -> None:
        self._write("put", name)
        super().put(name, data)

    def remove(self, name: str) -> None:
        self._write("remove", name)
        super().remove(name)

    def fetch(self, name: str) -> bytes:
        self.fetched.append(name)
        return super().fetch(name)


def rebuilds(packs: Packs, names: list[str], chosen: random.Random) -> None:
    before = dict(packs.files)
    gone = chosen.sample(names, 2)
    for name in gone:
        del packs.files[name]
    assert packs.rebuild(*gone) == set(gone)
    assert packs.files == before
