"""The second walk of a restore: make folders, write files aside, give them their names."""

import errno
import os
from collections.abc import Callable
from typing import Self

from vaultd.errors import Busy, TargetReadOnly
from vaultd.format.entry import KINDS, Entry
from vaultd.format.keys import Keys
from vaultd.jobs.existing import Overwrite
from vaultd.jobs.placing import Placer, names_for
from vaultd.jobs.planning import SPECIAL, UNKNOWN_KIND
from vaultd.jobs.restoration import Plan
from vaultd.jobs.target import UNFINISHED, Level, Target, sweep, sync
from vaultd.jobs.telling import Telling
from vaultd.jobs.wanted import Folder, Item, Several
from vaultd.progress import Progress
from vaultd.tree.view import Broken

UNSAFE_KIND = "special"


class Restorer:
    """A `Visitor` that writes; a context manager. Leaves no unfinished file behind, however it ends."""

    def __init__(self, plan: Plan, keys: Keys, progress: Progress, stop: Callable[[], bool]) -> None:
        self._telling = Telling(plan.target, progress)
        self.restored = self._telling.restored
        self._plan = plan
        self._stop = stop
        try:
            self._target = self._open()
        except PermissionError as error:
            raise TargetReadOnly(os.fsdecode(plan.target)) from error
        except OSError as error:
            raise self._telling.fatal(error) or error from error
        self._placer = Placer(plan, keys, self._target, self._telling, stop)

    def _open(self) -> Target:
        target = Target(self._plan.target, make=UNFINISHED if self._plan.whole else 0o777)
        try:
            if not target.lock():
                raise Busy(os.fsdecode(self._plan.target))
            self.restored.swept += sweep(target.here)
        except BaseException:
            target.__exit__()
            raise
        return target

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._placer.__exit__()
        self._target.__exit__()

    def finish(self) -> None:
        """Everything is read back that should be, and given to the medium."""
        try:
            self._placer.finish()
            sync(self._target.here.fd)
        except OSError as error:
            raise self._telling.fatal(error) or error from error

    def check(self) -> None:
        if self._stop():
            raise KeyboardInterrupt

    # Folders.

    def enter(self, folder: Folder) -> bool:
        self.check()
        self._placer.settle()
        try:
            return self._enter(folder)
        except OSError as error:
            self._telling.failed(folder.path, error)
            return False

    def _enter(self, folder: Folder) -> bool:
        above = self._target.here
        for name in names_for(folder.name):
            enter = self._enter_existing if name in above.before else self._make
            entered = enter(folder, name)
            if entered is not None:
                if entered:  # spent: another folder that is to have this name gets one of its own
                    above.before.discard(name)
                self._telling.given(folder.path, folder.name, name)
                return entered
        raise FileExistsError(errno.EEXIST, "folder")

    def _enter_existing(self, folder: Folder, name: bytes) -> bool | None:
        try:
            if self._target.enter(name).identity in self._plan.options.own:
                self._target.leave()
                self.restored.leave(folder.path)
                return False
            self.restored.swept += sweep(self._target.here)
        except FileNotFoundError:
            return self._make(folder, name)
        except NotADirectoryError:
            if self._plan.options.overwrite is not Overwrite.ALWAYS:
                self.restored.leave(folder.path)
                return False
            os.unlink(name, dir_fd=self._target.here.fd)
            return self._make(folder, name)
        return True

    def _make(self, folder: Folder, name: bytes) -> bool | None:
        """None where another restored thing has this name: the next one is tried."""
        try:
            self._target.make(name, UNFINISHED if folder.entry else 0o777)
        except FileExistsError:
            return None
        self.restored.tally.folders += 1
        return True

    def leave(self, folder: Folder) -> None:
        self._placer.settle()
        try:
            if folder.entry is not None:
                self._finish(self._target.here, folder.entry, folder.path)
            if self._target.is_mount:
                sync(self._target.here.fd)  # the end gives only the target's own file system to its medium
        except OSError as error:
            self._telling.failed(folder.path, error)
        if folder.place:
            self._target.leave()

    def _finish(self, here: Level, entry: Entry, path: bytes) -> None:
        """A folder that was there before keeps its own attributes, unless everything is to be overwritten;
        the target itself in any case. One that had the time of the entry still has it when things were put
        into it.
        """
        always = self._target.depth > 0 and self._plan.options.overwrite is Overwrite.ALWAYS
        before = here.status.st_mtime_ns
        if here.is_ours(entry.mode) or always:
            self._placer.set_attributes(here.fd, entry, path)
        elif (
            self._placer.existing.same_time(here, before, entry.mtime)
            and os.fstat(here.fd).st_mtime_ns != before
        ):
            self._placer.attributes.set_time(here.fd, before, path)

    # Everything else.

    def leaf(self, item: Item) -> None:
        self.check()
        kind = item.entry.kind
        if kind not in KINDS:
            self.restored.troubles.add(item.path, UNKNOWN_KIND)
        elif kind in SPECIAL and not self._plan.options.special:
            self.restored.tally.special += 1
            self.restored.note(UNSAFE_KIND, item.path)
        else:
            self._placer.take(item)

    def leaves(self, several: Several) -> None:
        for entry in self._placer.plain(several):
            self.leaf(several.item(entry))

    def broken(self, item: Broken) -> None:
        self._telling.broken(item.path, item.error)
