"""Waits until what changes is quiet. Time is an argument: seconds of a clock that never goes back."""

from collections import OrderedDict, deque
from dataclasses import dataclass

from vaultd.tree.dirty import EVERYTHING, Dirty

# Who saves a photo writes, sets times, renames: two seconds later that is over.
QUIET = 2.0
# A log that is written to all day is saved as it is now and then.
LONGEST = 30.0
# Beyond that, to look at all of a source costs no more than to remember what to look at.
MOST = 100_000


@dataclass(slots=True)
class _Waiting:
    first: float
    last: float
    deep: bool


class Settler:
    """The folders of one source in which something happened, by their paths in it. Not to be shared between
    threads.
    """

    def __init__(self, quiet: float = QUIET, longest: float = LONGEST, most: int = MOST) -> None:
        self._quiet, self._longest, self._most = quiet, longest, most
        self._waiting: OrderedDict[bytes, _Waiting] = OrderedDict()  # the one told last comes last
        self._begun: deque[tuple[float, bytes]] = deque()  # the one told first comes first
        self._everything: _Waiting | None = None

    def tell(self, path: bytes, now: float, *, deep: bool = False) -> None:
        """Something happened in this folder; with `deep`, perhaps in every folder below it."""
        if self._everything is not None or (path == b"" and deep):
            self.tell_everything(now)
            return
        found = self._waiting.get(path)
        if found is None:
            self._waiting[path] = _Waiting(now, now, deep)
            self._begun.append((now, path))
            if len(self._waiting) > self._most:
                self.tell_everything(now)
            return
        found.last, found.deep = now, found.deep or deep
        self._waiting.move_to_end(path)

    def tell_everything(self, now: float) -> None:
        """What happened is not known: all of the source has to be looked at."""
        since = self.since if self.since is not None else now
        self._everything = _Waiting(self._everything.first if self._everything else since, now, deep=True)
        self._waiting.clear()
        self._begun.clear()

    @property
    def since(self) -> float | None:
        """When the first of what still waits was told; None where nothing does."""
        if self._everything is not None:
            return self._everything.first
        self._drop_done()
        return self._begun[0][0] if self._begun else None

    def __len__(self) -> int:
        """How many folders wait; one where it is all of them."""
        return len(self._waiting) + (self._everything is not None)

    def next(self) -> float | None:
        """When something will be ready; None while nothing waits."""
        if self._everything is not None:
            return self._due(self._everything)
        since = self.since
        if since is None:
            return None
        last = next(iter(self._waiting.values())).last
        return min(last + self._quiet, since + self._longest)

    def ready(self, now: float) -> Dirty | None:
        """What has been quiet for long enough, or was not for too long; it does not wait any more. None where
        nothing is.
        """
        if self._everything is not None:
            if self._due(self._everything) > now:
                return None
            self._everything = None
            return EVERYTHING
        found = dict(self._quiet_ones(now)) | dict(self._restless(now))
        if not found:
            return None
        dirty = Dirty()
        for path, waiting in found.items():
            dirty.mark(path, deep=waiting.deep)
        return dirty

    def _due(self, waiting: _Waiting) -> float:
        return min(waiting.last + self._quiet, waiting.first + self._longest)

    def _quiet_ones(self, now: float) -> list[tuple[bytes, _Waiting]]:
        found = []
        while self._waiting and next(iter(self._waiting.values())).last + self._quiet <= now:
            found.append(self._waiting.popitem(last=False))
        return found

    def _restless(self, now: float) -> list[tuple[bytes, _Waiting]]:
        found = []
        self._drop_done()
        while self._begun and self._begun[0][0] + self._longest <= now:
            _, path = self._begun.popleft()
            found.append((path, self._waiting.pop(path)))
            self._drop_done()
        return found

    def _drop_done(self) -> None:
        """Those that were given out already, and perhaps told again since."""
        while self._begun:
            first, path = self._begun[0]
            waiting = self._waiting.get(path)
            if waiting is not None and waiting.first == first:
                return
            self._begun.popleft()
