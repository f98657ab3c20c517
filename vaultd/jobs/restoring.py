"""The second walk of a restore: make folders, write files aside, give them their names."""

import errno
import os
from collections.abc import Callable, Iterator
from typing import Self

from vaultd.errors import Busy, Damaged, Full, Missing, ReadOnly, VaultdError
from vaultd.format.entry import FILE, FOLDER, KINDS, Entry
from vaultd.format.keys import Keys
from vaultd.jobs.attributes import Attributes
from vaultd.jobs.drafts import Draft, new_draft
from vaultd.jobs.existing import Decision, Existing, Overwrite
from vaultd.jobs.filling import Wrong, fill
from vaultd.jobs.linking import Linking
from vaultd.jobs.planning import PARTLY, SPECIAL, UNKNOWN_KIND, UNREADABLE, error_name
from vaultd.jobs.readback import ReadBack
from vaultd.jobs.restoration import Plan, Restored
from vaultd.jobs.target import UNFINISHED, Level, Target, sweep, sync
from vaultd.jobs.wanted import Folder, Item
from vaultd.progress import Progress
from vaultd.tree.view import Broken

UNSAFE_KIND = "special"
DAMAGED_SUFFIX = b".vaultd-damaged"
_NAME_MAX = 255
_MOST_NAMES = 100
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class Restorer:
    """A `Visitor` that writes; a context manager. Leaves no unfinished file behind, however it ends."""

    def __init__(self, plan: Plan, keys: Keys, progress: Progress, stop: Callable[[], bool]) -> None:
        options = plan.options
        self.restored = Restored()
        self._plan = plan
        self._view = plan.view
        self._keys = keys
        self._progress = progress
        self._stop = stop
        self._attributes = Attributes(
            plan.view, special=options.special, numeric=options.numeric, note=self.restored.note
        )
        self._existing = Existing(plan.view, write=True)
        self._read_back = ReadBack(plan.view, keys, self.restored)
        try:
            self._target = self._open()
        except PermissionError as error:
            raise ReadOnly(os.fsdecode(plan.target)) from error
        except OSError as error:
            raise self._fatal(error) or error from error
        self._linking = Linking(self._target, plan.view, keys)

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
        self._linking.close()
        self._read_back.close()
        self._target.__exit__()

    def finish(self) -> None:
        """Everything is read back that should be, and given to the medium."""
        try:
            self._read_back.check()
            sync(self._target.here.fd)
        except OSError as error:
            raise self._fatal(error) or error from error

    def check(self) -> None:
        if self._stop():
            raise KeyboardInterrupt

    # Folders.

    def enter(self, folder: Folder) -> bool:
        self.check()
        try:
            return self._enter(folder)
        except OSError as error:
            self._failed(folder.path, error)
            return False

    def _enter(self, folder: Folder) -> bool:
        above = self._target.here
        for name in names_for(folder.name):
            enter = self._enter_existing if name in above.before else self._make
            entered = enter(folder, name)
            if entered is not None:
                if entered:  # spent: another folder that is to have this name gets one of its own
                    above.before.discard(name)
                self._told(folder.path, folder.name, name)
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
        try:
            if folder.entry is not None:
                self._finish(self._target.here, folder.entry, folder.path)
            if self._target.is_mount:
                sync(self._target.here.fd)  # the end gives only the target's own file system to its medium
        except OSError as error:
            self._failed(folder.path, error)
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
            self._set_attributes(here.fd, entry, path)
        elif self._existing.same_time(here, before, entry.mtime) and os.fstat(here.fd).st_mtime_ns != before:
            self._attributes.set_time(here.fd, before, path)

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
            try:
                self._restore(item)
            except OSError as error:
                self._failed(item.path, error)
            except (Missing, Damaged) as error:
                self.broken(Broken(item.path, error))

    def broken(self, item: Broken) -> None:
        self.restored.damage = True
        self.restored.troubles.add(item.path, UNREADABLE, str(item.error))

    def _restore(self, item: Item) -> None:
        name = item.place.rpartition(b"/")[2]
        decision = self._judge(item, name)
        if self._is_settled(decision, item, name):
            return
        linked = self._linking.draft(item.entry)
        draft = linked or new_draft(self._view, item.entry, self._target.here.fd)
        try:
            wrong = None if linked else self._complete(draft, item)
            if wrong is not None:
                self.restored.damage = True
                self.restored.troubles.add(item.path, PARTLY, str(wrong))
            self._place(draft, item, name, whole=wrong is None, linked=linked is not None)
        finally:
            draft.close()

    def _judge(self, item: Item, name: bytes, overwrite: Overwrite | None = None) -> Decision | None:
        overwrite = overwrite or self._plan.options.overwrite
        return self._existing.judge(self._target.here, name, item.entry, overwrite)[0]

    def _is_settled(self, decision: Decision | None, item: Item, name: bytes, *, whole: bool = True) -> bool:
        """Whether what is there already decides about this entry; part of a file vouches for nothing."""
        here = self._target.here
        if decision is Decision.ALREADY:
            # It is spent: whatever else is to have this name must find one beside it.
            here.before.discard(name)
            self.restored.tally.already += whole
            if whole and "hard" in item.entry.extra:
                self._linking.trust(item.entry, name)
            if whole and item.entry.kind == FILE and self._plan.options.verify:
                self._read_back.add_existing(here.fd, name, item.entry, item.path)
        elif decision is Decision.LEAVE:
            self.restored.leave(item.path)
        return decision in (Decision.ALREADY, Decision.LEAVE)

    def _complete(self, draft: Draft, item: Item) -> Wrong | None:
        """Content and attributes; what is wrong with a file that could be filled in part only.

        Raises Missing, Damaged where there is nothing worth keeping, OSError.
        """
        entry, wrong = item.entry, None
        if entry.kind == FILE:
            filled = fill(
                self._view, entry, draft.fd, self.check, lambda size: self._progress.add(bytes=size)
            )
            wrong = filled.wrong
            self.restored.tally.bytes += filled.written
            if wrong is not None and not filled.written:
                raise wrong
        self._set_attributes(draft.fd, entry, item.path)
        return wrong

    def _set_attributes(self, fd: int, entry: Entry, path: bytes) -> None:
        try:
            self._attributes.apply(fd, entry, path, by_link=entry.kind not in (FILE, FOLDER))
        except (Missing, Damaged) as error:
            self.restored.damage = True
            self.restored.troubles.add(path, UNREADABLE, str(error))

    def _place(self, draft: Draft, item: Item, name: bytes, *, whole: bool, linked: bool) -> None:
        """Give a draft its name, or one beside it where another restored thing has that.

        What is there is judged again, since filling took its time; what was not to be replaced then is not
        replaced now. A name that nobody asked for replaces nothing at all.
        """
        for number, candidate in enumerate(names_for(name, b"" if whole else DAMAGED_SUFFIX)):
            decision = self._judge(item, candidate, Overwrite.NEVER if number else None)
            if number and decision is Decision.LEAVE:
                continue
            if self._is_settled(decision, item, candidate, whole=whole):
                return
            if draft.keep(candidate, replace=decision is Decision.REPLACE):
                self._target.here.before.discard(candidate)
                self._kept(draft, item, candidate, whole=whole, linked=linked)
                if whole:
                    self._told(item.path, name, candidate)
                return
        raise FileExistsError(errno.EEXIST, "name")

    def _kept(self, draft: Draft, item: Item, name: bytes, *, whole: bool, linked: bool) -> None:
        entry, tally = item.entry, self.restored.tally
        if entry.kind == FILE:
            tally.files += 1
            self._progress.add(files=1)
        else:
            tally.others += 1
        if not whole or linked:
            return
        if "hard" in entry.extra:
            self._linking.remember(entry, name, draft.fd)
        if entry.kind == FILE and self._plan.options.verify:
            self._read_back.add(os.dup(draft.fd), entry, item.path, written=True)

    # What is told.

    def _told(self, path: bytes, name: bytes, given: bytes) -> None:
        if given != name:
            self.restored.rename(path, given)

    def _failed(self, path: bytes, error: OSError) -> None:
        if fatal := self._fatal(error):
            raise fatal from error
        self.restored.troubles.add(path, error_name(error))

    def _fatal(self, error: OSError) -> VaultdError | None:
        """What no other path would get over either."""
        place = os.fsdecode(self._plan.target)
        if error.errno in _NO_ROOM:
            return Full(place)
        return ReadOnly(place) if error.errno == errno.EROFS else None


def names_for(name: bytes, suffix: bytes = b"") -> Iterator[bytes]:
    """The name itself, then `name~2`, `name~3` ...; with a suffix, cut so that a file system takes them."""
    for number in range(1, _MOST_NAMES):
        end = suffix + (b"~%d" % number if number > 1 else b"")
        yield name[: _NAME_MAX - len(end)] + end if end else name
