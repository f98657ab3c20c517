"""A look at everything, once a day, proves what the kernel tells: what nobody told of is counted."""

from collections.abc import Iterable, Iterator

from vaultd.jobs.session import Session
from vaultd.jobs.snapshot import Taken
from vaultd.tree.compare import Change, compare
from vaultd.tree.dirty import Dirty
from vaultd.tree.view import View

# More need not be remembered to know that much happens there; then nothing is claimed.
MOST = 100_000


class Proof:
    """What was told of one source since it was last saved. Not to be shared between threads."""

    def __init__(self) -> None:
        self._told: Dirty | None = Dirty()
        self._marks = 0
        self._runs = False

    def heard(self, path: bytes, *, deep: bool) -> None:
        """Something was told of the folder at this path."""
        self._marks += 1
        if self._marks > MOST:
            self._told = None
        elif self._told is not None:
            self._told.mark(path, deep=deep)

    def begin(self) -> None:
        """The next look at everything is the daily one: nothing was known to be lost."""
        self._runs = True

    def spoil(self) -> None:
        """What was told is not all that was to be told, and that is known: this proves nothing."""
        self._told, self._runs = None, False

    @property
    def runs(self) -> bool:
        return self._runs and self._told is not None

    def untold(self, changed: Iterable[bytes]) -> int:
        """Of how many of these paths, files and folders, nobody told."""
        told = self._told
        return 0 if told is None else sum(not _is_told(told, path) for path in changed)

    def end(self) -> None:
        """It was saved: from now on anew."""
        self._told, self._marks, self._runs = Dirty(), 0, False


def changes(session: Session, taken: Taken) -> Iterator[bytes]:
    """The paths that are not what they were in the snapshot before."""
    if taken.made and taken.parent is not None:
        before, now = (View(session.vault, each.body.root) for each in (taken.parent, taken.snapshot))
        yield from (change.path for change in compare(before, now) if isinstance(change, Change))


def _is_told(told: Dirty, path: bytes) -> bool:
    above, _, _ = path.rpartition(b"/")
    return any(told.is_marked(each) for each in (path, above))
