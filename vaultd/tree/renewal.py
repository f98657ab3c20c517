"""The content of one folder in the new snapshot: the one it had, that with some of its folders exchanged, or
made anew.
"""

from collections.abc import Callable

from vaultd.capture.listing import Seen
from vaultd.format.entry import Entry
from vaultd.store.contract import FolderMemory
from vaultd.tree import look
from vaultd.tree.dirty import EVERYTHING, Dirty
from vaultd.tree.frame import Frame
from vaultd.tree.refresh import Refresh
from vaultd.tree.run import Run

# Beyond that, all is looked at again: a first snapshot may find every file a moment old.
_MOST_YOUNG = 1000


class Renewal:
    """Of all folders of one scan. `young` are those in which something changed so lately that another change
    may not show: whoever does not look at all folders each time looks at these again.
    """

    def __init__(self, run: Run, memory: FolderMemory) -> None:
        self._run = run
        self._memory = memory
        self.young = Dirty()
        self._young_count = 0

    def content(self, frame: Frame, fd: int, path: bytes, before: Callable[[], Entry | None]) -> bytes:
        """The content id of a folder that the walk leaves. `before` gives its entry in the last snapshot.
        Raises Unreadable, Missing, Damaged.
        """
        if frame.passing is not None:
            return self._exchanged(frame, path)
        known = self._memory.recall(path)
        others = frame.others()
        if known is not None and self._looks_same(frame, others, known[0]):
            self._take_over(frame, others)
            return known[1]
        looked = look.decode(known[0]) if known else None
        last = known[1] if known else None
        refresh = Refresh(self._run, frame, fd, path, looked, last, before)
        content = self._run.write_folder(refresh.entries())
        self._forget_gone(frame, path, looked)
        self._memory.remember(path, look.encode(refresh.rows, frame.done(), whole=refresh.sure), content)
        if refresh.young:
            self._mark_young(path)
        return content

    def _exchanged(self, frame: Frame, path: bytes) -> bytes:
        assert frame.passing is not None
        new = frame.passing.content(self._run, frame.folders)
        if new is None:
            return frame.passing.as_it_was
        self._memory.remember(path, *new)
        return new[1]

    def _looks_same(self, frame: Frame, others: list[Seen], remembered: bytes) -> bool:
        # Names of one file are never taken over unseen: a new name elsewhere must find the group of the old
        # one.
        if frame.listing.failed or any(seen.nlink > 1 for seen in others):
            return False
        return look.encode(others, frame.done()) == remembered

    def _take_over(self, frame: Frame, others: list[Seen]) -> None:
        sizes = [seen.size for seen in others if seen.is_file]
        counts = self._run.counts
        counts.files += len(sizes)
        counts.bytes += sum(sizes)
        counts.others += len(others) - len(sizes)
        counts.folders += len(frame.folders)
        self._run.progress.add(files=len(others), bytes=sum(sizes))

    def _forget_gone(self, frame: Frame, path: bytes, looked: look.Look | None) -> None:
        for name, _ in looked.folders if looked else ():
            if name not in frame.folders:
                self._memory.forget_below(path + b"/" + name if path else name)

    def _mark_young(self, path: bytes) -> None:
        self._young_count += 1
        if self._young_count > _MOST_YOUNG:
            self.young = EVERYTHING
        else:
            self.young.mark(path)
