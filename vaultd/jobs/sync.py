"""Bring one copy up to another. It needs no key: every file is named by its hash.

The target only grows. What it lacks is added; nothing is removed or replaced on either side, whatever a
listing says. A snapshot's record comes after all that it reaches, and each device's records in order, so
that at every instant the target can restore all that it lists. Whatever stops a pass, the next one goes on
from what is there.
"""

import threading
from collections.abc import Callable, Container, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice

from vaultd import ids
from vaultd.copies import texts
from vaultd.copies.contract import Copy, Stored, put_and_read_back
from vaultd.copies.identity import VaultId
from vaultd.errors import Damaged, Missing, SamePlace, WrongPlace
from vaultd.progress import Progress

Begins = Callable[[Copy, str], int]

# Files under way together: one is read and hashed while another is written. Each is in memory whole, mostly
# 16 to 20 MiB.
_AT_ONCE = 3
# How often whoever asks to stop is heard.
_HEARD_SECONDS = 0.2


@dataclass(slots=True)
class CaughtUp:
    """What one pass did: `names` were written to the target and read back from it, `bytes` long in all.

    `damage` could not be had whole from the source, nor is it at the target; so many records were held
    back because of that, or because the source's own log has a gap. The target is whole where both are
    empty.
    """

    names: list[str] = field(default_factory=list)
    bytes: int = 0
    damage: list[Damaged | Missing] = field(default_factory=list)
    held_back: int = 0

    @property
    def behind(self) -> int:
        """How many files of the source the target still lacks."""
        return len(self.damage) + self.held_back


def _alone(_: Copy, name: str) -> int:
    """Whoever has no key takes it that a file holds one record: then what is held back may be too much."""
    return _parsed(name).seq


def catch_up(
    source: Copy,
    target: Copy,
    progress: Progress,
    stop: Callable[[], None],
    leave: Container[str] = frozenset(),
    begins: Begins = _alone,
) -> CaughtUp:
    """Copy to `target` what only `source` holds, but for the names in `leave`.

    `begins` says with which number a file of a copy's log begins; the name says with which it ends. It is
    asked only where names alone show a gap.

    Each file is checked against its name before it is written and read back after. Damage does not travel:
    a damaged file is skipped and told, and while a pack is wanting no record is written. `stop` is called
    often and raises to interrupt. Raises SamePlace and WrongPlace (another vault) before anything is
    written; Unreachable where either cannot be listed or does not answer; Full, ReadOnly, WrongPlace; and
    Damaged where the target did not keep what it was given.
    """
    _refuse_strangers(source, target)
    progress.stage("catch-up")
    # Records first: one that is listed has all its packs on the source already.
    records, keys, packs, indexes = (
        [file for file in _lacking(source, target, folder) if file.name not in leave]
        for folder in ("log/", "keys/", "packs/", "index/")
    )
    chains = _Chains(source, target, begins)
    wanted = [*keys, *packs, *indexes, *records]
    progress.total(files=len(wanted), bytes=sum(file.size for file in wanted))
    texts.refresh(target)
    run = _Pass(source, target, progress, stop)
    run.carry(keys)
    packs_whole = run.carry(packs)
    run.carry(indexes)
    one_by_one = threading.Event()
    for record in records:
        if packs_whole and chains.continued_by(record.name) and run.carry_one(record, one_by_one):
            chains.add(target, record.name)
        else:
            run.done.held_back += 1
    return run.done


def lacking(source: Copy, target: Copy, leave: Container[str] = frozenset()) -> int:
    """How many files of `source` are not in `target`, by their listings, parity apart: that belongs to one
    copy. Raises Unreachable.
    """
    wanting = (file.name for file in _lacking(source, target, ""))
    return sum(name not in leave and not name.startswith("parity/") for name in wanting)


def _refuse_strangers(source: Copy, target: Copy) -> None:
    if source.copy_id == target.copy_id:
        raise SamePlace(target.label)
    ours, theirs = (VaultId.decode(copy.get("vault.id")).vault_id for copy in (source, target))
    if ours != theirs:
        raise WrongPlace(target.label, ours.hex(), theirs.hex())


def _lacking(source: Copy, target: Copy, prefix: str) -> list[Stored]:
    """By name and length, in the order of names: for the log that is device by device, oldest first."""
    return sorted(set(source.list(prefix)) - set(target.list(prefix)), key=lambda file: file.name)


class _Pass:
    """Carries files over, and keeps the account of it."""

    def __init__(self, source: Copy, target: Copy, progress: Progress, stop: Callable[[], None]) -> None:
        self.done = CaughtUp()
        self._source = source
        self._target = target
        self._progress = progress
        self._stop = stop
        self._counting = threading.Lock()

    def carry(self, files: Iterable[Stored]) -> bool:
        """Whether all of them are at the target now. Several are under way at a time, in any order."""
        todo, wanting, over = iter(files), 0, threading.Event()
        with ThreadPoolExecutor(_AT_ONCE, "copy") as pool:

            def begin(count: int) -> set[Future[bool]]:
                return {pool.submit(self.carry_one, file, over) for file in islice(todo, count)}

            under_way = begin(_AT_ONCE)
            try:
                while under_way:
                    self._stop()
                    ended, under_way = wait(under_way, _HEARD_SECONDS, FIRST_COMPLETED)
                    wanting += sum(not one.result() for one in ended)
                    under_way |= begin(len(ended))
            finally:
                over.set()
        return not wanting

    def carry_one(self, file: Stored, over: threading.Event) -> bool:
        """Whether it is at the target now. Once it is `over`, nothing is written any more."""
        self._stop()
        try:
            data = self._source.fetch(file.name)
        except (Damaged, Missing) as error:
            return self._is_sound(file.name, error)
        if over.is_set():
            return False
        put_and_read_back(self._target, file.name, data)
        with self._counting:
            self.done.names.append(file.name)
            self.done.bytes += len(data)
            self._progress.add(files=1, bytes=len(data), stored=len(data))
        return True

    def _is_sound(self, name: str, error: Damaged | Missing) -> bool:
        """What is damaged at the source may stand at the target already, and be right."""
        try:
            self._target.read_back(name)
        except (Damaged, Missing):
            with self._counting:
                self.done.damage.append(error)
            return False
        return True


class _Chains:
    """How far each device's records reach at the target without a gap."""

    def __init__(self, source: Copy, target: Copy, begins: Begins) -> None:
        self._source = source
        self._begins = begins
        self._files: dict[bytes, list[tuple[Copy, str]]] = {}
        self._numbers: dict[bytes, set[int]] = {}
        self._reach: dict[bytes, int] = {}
        for file in target.list("log/"):
            self.add(target, file.name)

    def add(self, copy: Copy, name: str) -> None:
        """This file is at the target, and can be read from `copy`."""
        record = _parsed(name)
        self._numbers.setdefault(record.device, set()).add(record.seq)
        self._files.setdefault(record.device, []).append((copy, name))

    def continued_by(self, name: str) -> bool:
        """Whether the record before those in this file is there, and so on down to the first."""
        record = _parsed(name)
        if record.seq <= self._reached(record.device) + 1:
            return True
        # A file may hold several records, and only its last number stands in its name.
        self._look_into(record.device)
        return self._begins(self._source, name) <= self._reached(record.device) + 1

    def _reached(self, device: bytes) -> int:
        numbers = self._numbers.get(device, set())
        reach = self._reach.get(device, 0)
        while reach + 1 in numbers:
            reach += 1
        self._reach[device] = reach
        return reach

    def _look_into(self, device: bytes) -> None:
        for copy, name in self._files.pop(device, ()):
            self._numbers[device].update(range(self._begins(copy, name), _parsed(name).seq))


def _parsed(name: str) -> ids.FileName:
    parsed = ids.parse(name)
    assert parsed is not None  # the contract lists no other names
    return parsed
