"""Files, links and the like: made aside, and given their names in the order in which they come."""

import errno
import os
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Self

from vaultd.errors import Damaged, Missing
from vaultd.format.entry import FILE, FOLDER, Entry
from vaultd.format.keys import Keys
from vaultd.jobs.attributes import Attributes
from vaultd.jobs.crew import Crew, Filling
from vaultd.jobs.drafts import Draft, new_draft
from vaultd.jobs.existing import Decision, Existing, Overwrite
from vaultd.jobs.filling import Filled, Wrong, fill
from vaultd.jobs.linking import Linking
from vaultd.jobs.plain import PlainFiles
from vaultd.jobs.planning import PARTLY
from vaultd.jobs.readback import ReadBack
from vaultd.jobs.restoration import Plan
from vaultd.jobs.target import Target
from vaultd.jobs.telling import Telling
from vaultd.jobs.wanted import LARGE, Item, Several

DAMAGED_SUFFIX = b".vaultd-damaged"
_NAME_MAX = 255
_size = attrgetter("size")
_MOST_NAMES = 100
# Large files that are being filled at once, each an open descriptor; and how many may wait behind the first.
_MOST_BEGUN = 8
_MOST_WAITING = 256


@dataclass(frozen=True, slots=True)
class _Begun:
    """A large file that the crew is filling."""

    item: Item
    draft: Draft
    filling: Filling


class Placer:
    """Restores what is not a folder into the folder that is open; a context manager.

    A large file is begun and waits for its turn, and whatever comes behind it waits too: nothing gets its
    name before what comes before it. Leaves no unfinished file behind, however it ends.
    """

    def __init__(
        self, plan: Plan, keys: Keys, target: Target, telling: Telling, stop: Callable[[], bool]
    ) -> None:
        options = plan.options
        self.restored = telling.restored
        self.existing = Existing(plan.view, write=True)
        self.attributes = Attributes(
            plan.view, special=options.special, numeric=options.numeric, note=self.restored.note
        )
        self._plan = plan
        self._view = plan.view
        self._target = target
        self._telling = telling
        self._progress = telling.progress
        self._stop = stop
        self._crew = Crew(plan.view, self._check)
        self._plain = PlainFiles(plan, self.attributes, self.restored.tally, telling.progress, stop)
        self._linking = Linking(target, plan.view, keys)
        self._read_back = ReadBack(plan.view, keys, self.restored)
        self._waiting: deque[Item | _Begun] = deque()
        self._begun = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._crew.close()  # first: what it writes to must not be in anybody's way
        self._plain.__exit__()
        for each in self._waiting:
            if isinstance(each, _Begun):
                each.draft.close()
        self._linking.close()
        self._read_back.close()

    def take(self, item: Item) -> None:
        """Restore this, or begin to. Raises TargetFull, TargetReadOnly, Unreachable."""
        if not self._waiting and not self._crew.takes(item.entry):
            self._attempt(item)
            return
        self._waiting.append(item)
        with self._telling.of(item.path):
            self._begin(item)
        while self._begun > _MOST_BEGUN or len(self._waiting) > _MOST_WAITING:
            self._land()

    def plain(self, several: Several) -> Iterator[Entry]:
        """Restore those that are plain at once, and yield the others, to be taken one by one."""
        if max(map(_size, several.entries)) >= LARGE:
            self._check()
            return iter(several.entries)
        self.settle()
        return self._plain.restore(self._target.here, several)

    def settle(self) -> None:
        """Finish everything that was begun: another folder comes."""
        while self._waiting:
            self._land()

    def finish(self) -> None:
        """Everything is read back that should be. Raises OSError."""
        self._read_back.check()

    def _check(self) -> None:
        if self._stop():
            raise KeyboardInterrupt

    def _begin(self, item: Item) -> None:
        """Let the crew fill the item that waits last, if it is for them and its name is to be had."""
        if not self._crew.takes(item.entry) or "hard" in item.entry.extra:
            return
        if self._judge(item, item.name) in (Decision.ALREADY, Decision.LEAVE):
            return
        draft = new_draft(self._view, item.entry, self._target.here.fd)
        try:
            self._waiting[-1] = _Begun(item, draft, self._crew.begin(item.entry, draft.fd))
        except BaseException:
            draft.close()
            raise
        self._begun += 1

    def _land(self) -> None:
        first = self._waiting.popleft()
        if isinstance(first, Item):
            self._attempt(first)
            return
        self._begun -= 1
        try:
            with self._telling.of(first.item.path):
                self._finish(first.draft, first.item, first.filling)
        finally:
            first.draft.close()

    def _attempt(self, item: Item) -> None:
        with self._telling.of(item.path):
            self._restore(item)

    def _restore(self, item: Item) -> None:
        decision = self._judge(item, item.name)
        if self._is_settled(decision, item, item.name):
            return
        linked = self._linking.draft(item.entry)
        draft = linked or new_draft(self._view, item.entry, self._target.here.fd)
        try:
            if linked:
                self._place(draft, item, whole=True, linked=True)
            else:
                self._finish(draft, item, None)
        finally:
            draft.close()

    def _finish(self, draft: Draft, item: Item, filling: Filling | None) -> None:
        wrong = self._complete(draft, item, filling)
        if wrong is not None:
            self.restored.damage = True
            self.restored.troubles.add(item.path, PARTLY, str(wrong))
        self._place(draft, item, whole=wrong is None, linked=False)

    def _judge(self, item: Item, name: bytes, overwrite: Overwrite | None = None) -> Decision | None:
        overwrite = overwrite or self._plan.options.overwrite
        return self.existing.judge(self._target.here, name, item.entry, overwrite)[0]

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

    def _complete(self, draft: Draft, item: Item, filling: Filling | None) -> Wrong | None:
        """Content and attributes; what is wrong with a file that could be filled in part only.

        Raises Missing, Damaged where there is nothing worth keeping, OSError.
        """
        entry, wrong = item.entry, None
        if entry.kind == FILE:
            filled = filling.result(self._wrote) if filling else self._fill(entry, draft.fd)
            wrong = filled.wrong
            if wrong is None:
                self.restored.tally.bytes += filled.written
            elif not filled.written:
                raise wrong
        self.set_attributes(draft.fd, entry, item.path)
        return wrong

    def _fill(self, entry: Entry, fd: int) -> Filled:
        return fill(self._view, entry, fd, self._check, self._wrote)

    def _wrote(self, size: int) -> None:
        self._progress.add(bytes=size)

    def set_attributes(self, fd: int, entry: Entry, path: bytes) -> None:
        try:
            self.attributes.apply(fd, entry, path, by_link=entry.kind not in (FILE, FOLDER))
        except (Missing, Damaged) as error:
            self._telling.broken(path, error)

    def _place(self, draft: Draft, item: Item, *, whole: bool, linked: bool) -> None:
        """Give a draft its name, or one beside it where another restored thing has that.

        What is there is judged again, since filling took its time; what was not to be replaced then is not
        replaced now. A name that nobody asked for replaces nothing at all: part of a file may stand there of
        which the vault has less by now.
        """
        for number, candidate in enumerate(names_for(item.name, b"" if whole else DAMAGED_SUFFIX)):
            decision = self._judge(item, candidate, Overwrite.NEVER if number and whole else None)
            if (number or not whole) and decision in (Decision.LEAVE, Decision.REPLACE):
                continue
            if self._is_settled(decision, item, candidate, whole=whole):
                return
            if draft.keep(candidate, replace=decision is Decision.REPLACE):
                self._target.here.before.discard(candidate)
                self._kept(draft, item, candidate, whole=whole, linked=linked)
                if whole:
                    self._telling.given(item.path, item.name, candidate)
                return
        raise FileExistsError(errno.EEXIST, "name")

    def _kept(self, draft: Draft, item: Item, name: bytes, *, whole: bool, linked: bool) -> None:
        entry, tally = item.entry, self.restored.tally
        if entry.kind == FILE:
            tally.files += whole
            self._progress.add(files=1)
        else:
            tally.others += 1
        if not whole or linked:
            return
        if "hard" in entry.extra:
            self._linking.remember(entry, name, draft.fd)
        if entry.kind == FILE and self._plan.options.verify:
            self._read_back.add(os.dup(draft.fd), entry, item.path, written=True)


def names_for(name: bytes, suffix: bytes = b"") -> Iterator[bytes]:
    """The name itself, then `name~2`, `name~3` ..., each with the suffix, cut so that a file system takes
    them.
    """
    for number in range(1, _MOST_NAMES):
        end = (b"~%d" % number if number > 1 else b"") + suffix
        yield name[: _NAME_MAX - len(end)] + end if end else name
