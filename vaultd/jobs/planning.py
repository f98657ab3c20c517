"""The first walk of a restore: count, and look at what is there."""

import errno
import os
import stat
from collections.abc import Callable
from typing import Self

from vaultd.errors import Damaged, Missing
from vaultd.format.entry import BLOCK, CHAR, FILE, KINDS, LINK, SOCKET, Entry
from vaultd.jobs.existing import Decision, Overwrite, decide
from vaultd.jobs.links import Links, Written
from vaultd.jobs.restoration import Plan
from vaultd.jobs.target import Target, status_of
from vaultd.jobs.wanted import Folder, Item
from vaultd.tree.view import Broken

UNREADABLE = "unreadable"
UNKNOWN_KIND = "unknown-kind"
SPECIAL = frozenset({SOCKET, CHAR, BLOCK})


class Planner:
    """A `Visitor` that changes nothing. `_missing` counts the folders, at the deep end, that are not
    there yet.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._links = Links()
        self._missing = 0
        self._target: Target | None = None
        self._block = 1

    def __enter__(self) -> Self:
        try:
            self._target = Target(self._plan.target, make=False)
        except FileNotFoundError:
            self._missing = 1
        # A target that is not there yet will stand on the disk of the folder that it is made in.
        there = (
            os.path.dirname(self._plan.target.rstrip(b"/")) or b"." if self._missing else self._plan.target
        )
        self._block = os.statvfs(there).f_frsize or 1
        return self

    def __exit__(self, *_: object) -> None:
        self._links.close()
        if self._target is not None:
            self._target.__exit__()

    def enter(self, folder: Folder) -> bool:
        if self._target is None or self._missing or folder.name not in self._target.here.before:
            self._missing += 1
            self._plan.tally.folders += 1
            return True
        try:
            self._target.enter(folder.name)
        except NotADirectoryError:
            if self._plan.options.overwrite is not Overwrite.ALWAYS:
                self._plan.tally.left_alone += 1
                return False
            self._missing += 1
            self._plan.tally.folders += 1
        except OSError as error:
            self._plan.troubles.add(folder.path, error_name(error))
            return False
        return True

    def leave(self, folder: Folder) -> None:
        if self._missing:
            self._missing -= 1
        elif folder.place and self._target is not None:
            self._target.leave()

    def leaf(self, item: Item) -> None:
        plan, entry = self._plan, item.entry
        if entry.kind not in KINDS:
            plan.troubles.add(item.path, UNKNOWN_KIND)
        elif entry.kind in SPECIAL and not plan.options.special:
            plan.tally.special += 1
        else:
            decision, freed = self._look(item)
            if decision is Decision.ALREADY:
                plan.tally.already += 1
            elif decision is Decision.LEAVE:
                plan.tally.left_alone += 1
            else:
                self._count(entry, freed)

    def broken(self, item: Broken) -> None:
        self._plan.troubles.add(item.path, UNREADABLE, str(item.error))

    def _look(self, item: Item) -> tuple[Decision | None, int]:
        """What becomes of the name, None if it is free; and the bytes that replacing it gives back."""
        name = item.place.rpartition(b"/")[2]
        if self._target is None or self._missing or name not in self._target.here.before:
            return None, 0
        fd = self._target.here.fd
        status = status_of(fd, name)
        if status is None:
            return None, 0
        decision = decide(
            status, item.entry, self._plan.options.overwrite, same_link(self._plan, item.entry, fd, name)
        )
        freed = status.st_blocks * 512 if stat.S_ISREG(status.st_mode) and status.st_nlink == 1 else 0
        return decision, freed

    def _count(self, entry: Entry, freed: int) -> None:
        tally = self._plan.tally
        if entry.kind != FILE:
            tally.others += 1
            return
        tally.files += 1
        if "hard" in entry.extra:
            if self._links.find(entry) is not None:
                return
            self._links.add(entry, Written(b"", 0, 0))
        try:
            length = self._plan.view.content_length(entry)
        except (Missing, Damaged):
            length = 0  # told when it is restored
        tally.bytes += length
        self._plan.needed += max(0, -(-length // self._block) * self._block - freed)


def same_link(plan: Plan, entry: Entry, fd: int, name: bytes) -> Callable[[], bool]:
    """Whether a symbolic link that is there points to where the entry does."""

    def same() -> bool:
        try:
            return entry.kind == LINK and os.readlink(name, dir_fd=fd) == plan.view.link(entry)
        except (OSError, Missing, Damaged):
            return False

    return same


def error_name(error: OSError) -> str:
    """EACCES, EIO ..., as the system calls it."""
    return errno.errorcode.get(error.errno or 0, "EIO")
