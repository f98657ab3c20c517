"""The first walk of a restore: count, and look at what is there."""

import errno
import os
import stat
from typing import Self

from vaultd.errors import Damaged, Missing
from vaultd.format.entry import BLOCK, CHAR, FILE, KINDS, SOCKET, Entry
from vaultd.jobs.existing import Decision, Existing, Overwrite
from vaultd.jobs.links import Links, Written
from vaultd.jobs.restoration import Plan
from vaultd.jobs.target import Target
from vaultd.jobs.wanted import Folder, Item, Several
from vaultd.tree.view import Broken

UNREADABLE = "unreadable"
UNKNOWN_KIND = "unknown-kind"
PARTLY = "partly-restored"
# What makes more of a file than bytes, owner, mode and time.
MORE = frozenset({"sparse", "hard", "xattr"})
SPECIAL = frozenset({SOCKET, CHAR, BLOCK})


class Planner:
    """A `Visitor` that changes nothing. `_missing` counts the folders, at the deep end, that are not
    there yet.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._existing = Existing(plan.view, write=False)
        self._links = Links()
        self._missing = 0
        self._target: Target | None = None
        self._block = 1

    def __enter__(self) -> Self:
        try:
            self._target = Target(self._plan.target)
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
            if self._target.enter(folder.name).identity in self._plan.options.own:
                self._target.leave()
                self._plan.tally.left_alone += 1
                return False
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
            try:
                decision, freed = self._look(item)
            except OSError as error:
                plan.troubles.add(item.path, error_name(error))
            else:
                self._count(entry, decision, freed)

    def leaves(self, several: Several) -> None:
        if self._target is not None and not self._missing:
            for entry in several.entries:
                self.leaf(several.item(entry))
            return
        for entry in several.entries:  # nothing is there: the plainest are only counted
            if entry.kind == FILE and isinstance(entry.content, tuple) and MORE.isdisjoint(entry.extra):
                self._add_new(entry.size, 0)
            else:
                self.leaf(several.item(entry))

    def broken(self, item: Broken) -> None:
        self._plan.troubles.add(item.path, UNREADABLE, str(item.error))

    def _look(self, item: Item) -> tuple[Decision | None, int]:
        """What becomes of the name, None if it is free; and the bytes that replacing it gives back."""
        name = item.place.rpartition(b"/")[2]
        if self._target is None or self._missing:
            return None, 0
        overwrite = self._plan.options.overwrite
        decision, status = self._existing.judge(self._target.here, name, item.entry, overwrite)
        if status is None or not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            return decision, 0
        return decision, status.st_blocks * 512

    def _count(self, entry: Entry, decision: Decision | None, freed: int) -> None:
        tally = self._plan.tally
        if decision is Decision.ALREADY:
            tally.already += 1
            if "hard" in entry.extra:
                self._links.add(entry, Written(b"", 0, 0))
        elif decision is Decision.LEAVE:
            tally.left_alone += 1
        else:
            self._count_new(entry, freed)

    def _count_new(self, entry: Entry, freed: int) -> None:
        if entry.kind != FILE:
            self._plan.tally.others += 1
            return
        if "hard" in entry.extra:
            if self._links.find(entry) is not None:
                self._plan.tally.files += 1
                return
            self._links.add(entry, Written(b"", 0, 0))
        try:
            length = self._plan.view.content_length(entry)
        except (Missing, Damaged):
            length = 0  # told when it is restored
        self._add_new(length, freed)

    def _add_new(self, length: int, freed: int) -> None:
        self._plan.tally.files += 1
        self._plan.tally.bytes += length
        self._plan.needed += max(0, -(-length // self._block) * self._block - freed)


def error_name(error: OSError) -> str:
    """EACCES, EIO ..., as the system calls it."""
    return errno.errorcode.get(error.errno or 0, "EIO")
