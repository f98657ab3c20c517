"""The runs that there are: the one beside the others, its quick form, and the parts of the large one."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import memory
from bench.corpora.chats import CHATS
from bench.corpora.corpus import Corpus
from bench.corpora.large import BLOBS, FOLDER, MILLION, SPARSE
from bench.corpora.photos import PHOTOS
from bench.corpora.small import SMALL
from bench.operations import BY_NAME
from bench.peers.peer import Ground
from bench.tasks import Place, Task

_REPOSITORY = Path(__file__).parent.parent
CACHE = _REPOSITORY / ".cache/bench"
_MEMORY = Path("/dev/shm")
CORPORA = (PHOTOS, CHATS, SMALL)
_MOST_ROUNDS = 6
_MILLION_BLOBS = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """How large the corpora are, how many minutes a run may take, and where its rounds are, in turn."""

    scale: float
    minutes: float
    places: tuple[str, ...]


# One round in three is on the disk: it says less of the programs, and varies more.
FULL = Limits(1, 17.5, ("memory", "disk", "memory"))
QUICK = Limits(0.05, 2.3, ("memory",))


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the large run. `room` is what it takes of the disk or memory, in bytes and in files,
    all peers together.
    """

    corpus: Corpus
    place: str
    peers: tuple[str, ...]
    operations: tuple[str, ...]
    room: tuple[int, int]
    blobs: int = 0


_GIB = 1 << 30
_LOOK = ("init", "first", "unchanged", "change", "open", "ls", "find", "one")
PARTS = (
    Part(MILLION, "disk", ("vaultd", "restic", "cp"), (*_LOOK, "check", "learn"), (14 * _GIB, 2_300_000)),
    Part(FOLDER, "memory", ("vaultd", "restic", "cp"), (*_LOOK, "restore", "check"), (4 * _GIB, 900_000)),
    Part(
        SPARSE,
        "disk",
        ("vaultd", "cp"),
        ("init", "first", "unchanged", "change", "restore", "check-data"),
        (1 * _GIB, 1000),
    ),
    Part(
        BLOBS,
        "memory",
        ("vaultd",),
        ("init", "first", "unchanged", "change", *_LOOK[4:], "check", "check-data", "learn"),
        (5 * _GIB, 200_000),
        10 * _MILLION_BLOBS,
    ),
)


def places(names: Sequence[str]) -> dict[str, Place]:
    """The places of these names; only those that this machine has."""
    (CACHE / "work").mkdir(parents=True, exist_ok=True)
    known = {"memory": _MEMORY, "disk": CACHE / "work"}
    return {name: Place(name, known[name]) for name in names if known[name].is_dir()}


def rounds(limits: Limits, found: dict[str, Place], only: Sequence[str]) -> Iterator[tuple[int, Task]]:
    """Tasks with the number of their round, for as long as anybody asks."""
    order = [name for name in limits.places if name in found] or list(found)
    for number in range(_MOST_ROUNDS):
        for corpus in CORPORA:
            task = Task(corpus, limits.scale, found[order[number % len(order)]], only)
            if task.done():
                yield number, task


def part_task(part: Part, scale: float, place: Place, only: Sequence[str]) -> Task:
    """`scale` 1 is the part as it is described, 0.1 a tenth of it."""
    fill: Callable[[Ground], None] | None = None
    if part.blobs:
        fill = partial(_fill, blobs=round(part.blobs * scale))
    operations = tuple(name for name in BY_NAME if name in part.operations)
    return Task(part.corpus, scale, place, only, operations, fill, kept=False)


def _fill(ground: Ground, blobs: int) -> None:
    home, key = str(ground.home / "vaultd"), str(ground.home / "key")
    subprocess.run([sys.executable, "-m", "bench.fill", home, key, str(blobs)], cwd=_REPOSITORY, check=True)


def lacks(part: Part, scale: float, place: Place) -> str:
    """What this machine has too little of for a part; "" where it has enough."""
    room, files = (amount * scale for amount in part.room)
    free = shutil.disk_usage(place.folder).free
    if place.name == "memory":
        free = min(free, memory.available())
    inodes = _free_inodes(place.folder)
    if free < room:
        return f"{room / _GIB:.1f} GiB of {place.name} are needed, {free / _GIB:.1f} GiB are free"
    if inodes < files:
        return f"{files:.0f} files are needed on the {place.name}, {inodes} can be made"
    return ""


def _free_inodes(folder: Path) -> int:
    status = os.statvfs(folder)
    return status.f_favail if status.f_files else sys.maxsize  # some file systems have no such limit
