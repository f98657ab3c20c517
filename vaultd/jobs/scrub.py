"""Which part of a copy a check reads, and in which order: what was never read back first, then what has
waited longest.

Choosing is a function of what is listed and of when it was read, and touches nothing. How much can be read
in a given time is seen while it is read.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from vaultd.copies.contract import Copy, Stored
from vaultd.copies.spooled import Spooled
from vaultd.errors import Busy, Full, ReadOnly
from vaultd.jobs.felt import caches, digest_of, heads_of, only_felt
from vaultd.store.ledger import Ledger

# An interruption costs what was read in these seconds; a transaction in each costs nothing beside reading.
_TOLD_EVERY = 1.0
# Why the ledger cannot be written now.
_NOT_NOW = (Full, ReadOnly, Busy, OSError)


@dataclass(frozen=True, slots=True)
class Part:
    """What of a copy is read; what is not given does not narrow it.

    `max_age`: only what was not read back for so many ns. `group`: (n, m), the nth of m parts into which the
    names fall, n from 1 on. `share`: this part of the bytes (0 to 1), and `size`: so many bytes; the file
    that reaches it is read whole. `seconds`: for so long, all copies together.
    """

    max_age: int | None = None
    group: tuple[int, int] | None = None
    share: float | None = None
    size: int | None = None
    seconds: float | None = None


def _never() -> bool:
    return False


def _nobody(_: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Reading:
    """What is read of a copy: `order` are places in the list of its files, the first one first; `due` are
    the files and bytes that the age asks for in all. `over` says when it is enough. At once, and by any
    thread, `read` is told of each file that was read and is right, and `wrong` of each that is damaged.
    """

    order: Sequence[int] = ()
    due: tuple[int, int] = (0, 0)
    over: Callable[[], bool] = _never
    read: Callable[[str], None] = _nobody
    wrong: Callable[[str], None] = _nobody


def choose(
    files: Sequence[Stored],
    times: Mapping[bytes, int],
    now: int,
    part: Part,
    waiting: Collection[str] = (),
) -> Reading:
    """What to read of a copy. `times` (ns) says when each file, by its hash, was last read back; a time
    behind `now` is none. What is `waiting`, and not on the copy yet, comes last.

    The nth parts, for n from 1 to m, have every file between them, and no file twice. Where anything is due
    and lies in the group, at least one file is chosen.
    """
    read = [_past(times.get(digest_of(file.name)), now) for file in files]
    due = [place for place in range(len(files)) if _is_due(read[place], now, part.max_age)]
    total = sum(files[place].size for place in due)
    order = sorted(due, key=lambda place: (files[place].name in waiting, read[place], files[place].name))
    if part.group is not None:
        order = [place for place in order if _in_group(files[place].name, *part.group)]
    for limit in (part.size, None if part.share is None else part.share * sum(each.size for each in files)):
        if limit is not None:
            order = _up_to(order, files, limit)
    return Reading(order, (len(due), total))


def _past(when: int | None, now: int) -> int:
    """When a file was read; -1 for never."""
    return when if when is not None and when <= now else -1


def _is_due(read: int, now: int, max_age: int | None) -> bool:
    return read < 0 or max_age is None or now - read >= max_age


def _in_group(name: str, number: int, of: int) -> bool:
    # By the hash, which falls evenly: whatever comes or goes, a file stays in its group.
    return int.from_bytes(digest_of(name)[:8]) % of == number - 1


def _up_to(order: Sequence[int], files: Sequence[Stored], limit: float) -> list[int]:
    """The beginning that reaches so many bytes; one file at least."""
    chosen: list[int] = []
    so_far = 0
    for place in order:
        if chosen and so_far >= limit:
            break
        chosen.append(place)
        so_far += files[place].size
    return chosen


class Budget:
    """Time for reading, in seconds, that several copies share evenly: what one does not use the others get.
    None: as long as it takes.
    """

    def __init__(self, seconds: float | None, copies: int) -> None:
        self._left = seconds
        self._copies = copies
        self._until: float | None = None
        self._begun = 0.0

    def turn(self) -> None:
        """It is the turn of the next copy, which may turn out not to answer."""
        self._copies -= 1

    def begin(self) -> None:
        """The reading of this copy begins."""
        self._begun = time.monotonic()
        if self._left is not None:
            self._until = self._begun + self._left / (max(0, self._copies) + 1)

    def end(self) -> None:
        """The reading of this copy has ended."""
        if self._left is not None:
            self._left = max(0.0, self._left - (time.monotonic() - self._begun))

    def is_over(self) -> bool:
        """Whether the time for this copy is up."""
        return self._until is not None and time.monotonic() >= self._until


class Scrub:
    """One check of so many copies that reads all, or a part, of each of them."""

    def __init__(self, ledger: Ledger, part: Part, copies: int) -> None:
        self.budget = Budget(part.seconds, copies)
        self.ledger = ledger
        self.part = part

    @contextlib.contextmanager
    def reading(self, copy: Copy, files: Sequence[Stored]) -> Iterator[Reading]:
        """What to read now of a copy that holds these files. Its time runs, and the ledger is told, until the
        end of the `with`.
        """
        waiting = {file.name for file in copy.waiting()} if isinstance(copy, Spooled) else set()
        times = self.ledger.times(copy.copy_id)
        chosen = choose(files, times, time.time_ns(), self.part, waiting)
        self.budget.begin()
        try:
            with Account(self.ledger, copy.copy_id, waiting) as account:
                yield replace(chosen, over=self.budget.is_over, read=account.add, wrong=account.forget)
        finally:
            self.budget.end()


@dataclass(slots=True)
class Account:
    """Tells the ledger what was read back from one copy, as it goes; several threads may. A context manager:
    at its end, however it comes, all is told. Where the ledger cannot be written it is read again one day.

    Nothing is told of what is `waiting` on this computer, which was not read from the copy.
    """

    ledger: Ledger
    copy_id: bytes
    waiting: Collection[str] = ()
    _names: list[str] = field(default_factory=list)
    _told: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._tell()

    def add(self, name: str) -> None:
        """This file was read from the medium just now, and is what its name says."""
        if name in self.waiting:
            return
        with self._lock:
            self._names.append(name)
        if time.monotonic() - self._told >= _TOLD_EVERY:
            self._tell()

    def forget(self, name: str) -> None:
        """This file is damaged. Told at once: whoever is cut off must not have left it for
        another month, as one that was read.
        """
        with self._lock, contextlib.suppress(*_NOT_NOW):
            self.ledger.forget(self.copy_id, [digest_of(name)])

    def _tell(self) -> None:
        with self._lock:
            names, self._names = self._names, []
            self._told = time.monotonic()
            with contextlib.suppress(*_NOT_NOW):
                note(self.ledger, self.copy_id, names)


def note(ledger: Ledger, copy_id: bytes, names: Sequence[str]) -> None:
    """These files were read back from a copy just now, and matched. Raises Full, ReadOnly, Busy, OSError."""
    if felt := only_felt(names):
        ledger.add(copy_id, map(digest_of, felt))
        ledger.add_heads(copy_id, heads_of(felt))
    if others := caches(names):
        ledger.add_caches(copy_id, map(digest_of, others))
