"""Following the folders of one source through the kernel's events: hints, which a scan then goes after."""

from vaultd.daemon.changes import Dirty, Part
from vaultd.daemon.folders import Folder
from vaultd.daemon.inotify import IN_ISDIR, LEFT, NEW_NAME, OLD_NAME, OVERFLOW, Event, Queue
from vaultd.daemon.scope import Scope, Standing
from vaultd.daemon.survey import Survey, join

# Folders that are looked at before events are read again: 16,384 events fill the queue, and a busy program
# makes them in a tenth of a second.
AT_ONCE = 200


class Overflowed(Exception):
    """The queue was full, and events are lost."""


class RootLeft(Exception):
    """Something happened to the root itself."""


class Following:
    """The watched folders of one source. Not safe to use from two threads at once.

    `begin`, then `step` whenever `fd` is readable, and at once while `busy`; then `told` has what became
    dirty. These raise OSError or Unreadable (the root cannot be watched), Overflowed, RootLeft and
    NoMoreWatches; after any of them only `close` is left to be done.
    """

    def __init__(self, scope: Scope, standing: Standing) -> None:
        self._selection = scope.selection
        self._queue = Queue()
        self._survey = Survey(scope, standing, self._queue)
        self._tree = self._survey.tree

    @property
    def fd(self) -> int:
        """Readable when something has happened."""
        return self._queue.fd

    @property
    def busy(self) -> bool:
        """Whether `step` has something to do at once."""
        return self._survey.busy

    @property
    def waiting(self) -> bool:
        """Whether `step` is to be called within a second, whatever happens."""
        return self._survey.waiting

    @property
    def count(self) -> int:
        """How many folders are watched."""
        return len(self._tree.by_wd)

    def close(self) -> None:
        """Watch nothing any more."""
        self._queue.close()

    def begin(self) -> None:
        """Watch the root; `step` finds the rest."""
        self._survey.begin()

    def step(self) -> None:
        """Take in what has happened, and look at some of the folders that this brought up."""
        for event in self._queue.read():
            self._take(event)
        self._survey.go_on(AT_ONCE)

    def told(self) -> list[Dirty]:
        """What became dirty since this was asked last. A folder that is new to us is dirty, so during the
        first walk that is all of them.
        """
        dirty, self._survey.dirty = self._survey.dirty, {}
        return [Dirty(path, deep) for path, deep in dirty.items()]

    @property
    def part_count(self) -> int:
        """How many folders are not watched, though they belong to the source."""
        return self._survey.part_count

    def parts(self, most: int) -> list[Part]:
        """These folders; no more than `most` of them."""
        return self._survey.parts(most)

    def try_again(self) -> None:
        """Try to watch these again; `step` does it."""
        self._survey.try_again()

    def _take(self, event: Event) -> None:
        wd, mask, name = event
        if mask & OVERFLOW:
            raise Overflowed
        folder = self._tree.by_wd.get(wd)
        if folder is None:
            return  # of a watch that was let go of meanwhile
        if mask & LEFT and not name:
            self._left(folder)
            return
        path = self._tree.path(folder)
        if path is not None and not self._is_excluded(path, event):
            self._survey.mark(path)
        # A folder that is on its way hears of its subfolders all the same.
        if mask & IN_ISDIR and name:
            self._subfolder(folder, path, event)

    def _left(self, folder: Folder) -> None:
        if folder is self._tree.root:
            raise RootLeft
        self._tree.unwatched(folder)

    def _is_excluded(self, path: bytes, event: Event) -> bool:
        if self._selection.takes_all or not event.name or path in self._survey.dirty:
            return False
        return self._selection.excludes(join(path, event.name), folder=bool(event.mask & IN_ISDIR))

    def _subfolder(self, above: Folder, path: bytes | None, event: Event) -> None:
        known = above.get(event.name)
        if event.mask & OLD_NAME:
            if known is not None:
                self._survey.take_out(known)
        elif event.mask & NEW_NAME:
            if path is not None and not self._is_excluded(path, event):
                self._survey.mark(join(path, event.name), deep=True)
            self._survey.ask(above, event.name)
        elif known is not None and self._survey.is_part(known):
            self._survey.ask(above, event.name)  # it may be readable now
