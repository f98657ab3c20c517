"""Ask every rule of the guard about the newest snapshot of a source: it is compared with the one that was
judged last, and only where something of that is gone or rewritten with older ones.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property

from vaultd.errors import Damaged, Missing, NoSuchPath
from vaultd.format.entry import FILE
from vaultd.guard import chat, deletion, encryption, shrinking
from vaultd.guard.kinds import ending_of
from vaultd.guard.timeline import base, last_good
from vaultd.guard.trips import DAY, DRIPPED, HOUR, Trip
from vaultd.guard.volatile import is_volatile
from vaultd.jobs.traces import Traces
from vaultd.jobs.verdicts import Judging
from vaultd.store.contract import Blobs
from vaultd.tree.losses import MOST_LISTED, Losses, find_losses
from vaultd.tree.patterns import Selection
from vaultd.tree.snapshots import Snapshot
from vaultd.tree.sources import Source
from vaultd.tree.view import Broken, Found, View, folder_id
from vaultd.tree.worktrees import Worktrees

MONTH = deletion.MONTH_DAYS * DAY
# What is lost over 30 days need not be looked for more often.
MONTHLY = 6 * HOUR


class Look:
    """At the last of `line`, the snapshots of one source, oldest first. Nothing before the position `floor`
    counts: its owner has looked at that. What was lost until the position `told` he was told of.
    """

    def __init__(
        self, blobs: Blobs, source: Source, line: Sequence[Snapshot], floor: int, told: int = 0
    ) -> None:
        self._blobs, self._source, self.line, self.floor, self._told = blobs, source, line, floor, told
        self.at = len(line) - 1
        self._losses: dict[tuple[int, int], Losses] = {}
        self._excludes = Selection(exclude=source.body.exclude)
        self.rekeyed: list[bytes] = []
        self.month_was_asked = False

    def trips(self, judged: int | None, *, month: bool) -> list[Trip]:
        """What the rules say. Nothing that was not lost since the position `judged` is looked for. Raises
        Missing, Damaged and Unreachable where the trees cannot be compared.
        """
        step = self.losses(self.day if judged is None else max(judged, self.floor))
        if not step.anything:
            return []
        found: list[Trip | None] = []
        if step.gone_files:
            found += [self._deleted(), self._emptied()]
            # What is gone within a day is not told again as gone within a month.
            found += [self._dripped()] if month and not any(found) else []
        if self._source.body.kind == "chat":
            found.append(self._chat(step))
        found += [self._encrypted(), self._renamed(), self._shrunk()]
        return [trip for trip in found if trip is not None]

    @property
    def unread(self) -> int:
        """How many places could not be compared, in the comparison that lacked most."""
        return max((losses.unread for losses in self._losses.values()), default=0)

    def good(self, trips: Sequence[Trip]) -> int:
        """The newest snapshot before what the rules found began."""
        if any(trip.rule == DRIPPED for trip in trips):
            return self._month
        is_hit = Traces(trips, self.losses(self.day), self._judging)
        return last_good(
            self.line, self.at, self.day, lambda position: is_hit(self.losses(position - 1, position))
        )

    @cached_property
    def _judging(self) -> Judging:
        return Judging(self._view(self.at))

    @cached_property
    def day(self) -> int:
        """The snapshot of a day ago."""
        return self._base(DAY)

    @cached_property
    def _month(self) -> int:
        """The snapshot of 30 days ago, or one since then that showed what its owner was told of."""
        return max(self._base(MONTH), min(self._told, self.at - 1))

    def _base(self, window: int) -> int:
        return base(self.line, self.at, window, self.floor)

    def losses(self, since: int, until: int | None = None) -> Losses:
        """Between two snapshots, by their positions."""
        until = self.at if until is None else until
        if (since, until) not in self._losses:
            views = self._view(since), self._view(until)
            self._losses[since, until] = self._without_git(find_losses(*views, self._passed_over), *views)
        return self._losses[since, until]

    def _view(self, position: int) -> View:
        return View(self._blobs, self.line[position].body.root)

    def _passed_over(self, path: bytes) -> bool:
        if is_volatile(path):
            return True
        # What its owner has just excluded is gone from the tree, and stands in the folder as before.
        return not self._excludes.takes_all and any(
            self._excludes.excludes(path, folder=is_folder) for is_folder in (False, True)
        )

    def _without_git(self, losses: Losses, a: View, b: View) -> Losses:
        """Leave out what git gives back; it is only looked for where so many are gone that it matters."""
        if losses.gone_files < deletion.DAY_LEAST or losses.gone_files > MOST_LISTED:
            return losses
        trees = Worktrees(a, b)
        losses.gone = [each for each in losses.gone if not trees.gives_back(each.path)]
        losses.gone_files = len(losses.gone)
        losses.gone_bytes = sum(each.entry.size for each in losses.gone)
        return losses

    def _had(self, position: int) -> tuple[int, int]:
        counts = self.line[position].body.counts
        return counts.get("files", 0), counts.get("bytes", 0)

    def _deleted(self) -> Trip | None:
        return deletion.deleted(self.losses(self.day), *self._had(self.day))

    def _dripped(self) -> Trip | None:
        since, self.month_was_asked = self._month, True
        return deletion.dripped(self.losses(since), *self._had(since))

    def _emptied(self) -> Trip | None:
        is_chat = self._source.body.kind == "chat"
        gone: dict[bytes, list[bytes]] = {}
        for each in self.losses(self.day).gone:
            gone.setdefault(each.path.rpartition(b"/")[0], []).append(each.path)
        folders = [
            deletion.Emptied(path, had, tuple(paths))
            for path, paths in gone.items()
            if deletion.can_be_emptied(len(paths), chat=is_chat)
            and (had := self._files_in(self._view(self.day), path)) is not None
        ]
        return deletion.emptied(folders, chat=is_chat)

    def _files_in(self, view: View, path: bytes) -> int | None:
        try:
            entries = view.entries(folder_id(view.lookup(path)))
            return sum(1 for entry in entries if entry.kind == FILE and entry.size)
        except (NoSuchPath, Missing, Damaged):
            return None

    def _chat(self, step: Losses) -> Trip | None:
        paths = [each.path for each in step.gone] + [each.path for each in step.rewritten]
        stores = [self._store(path) for path in paths if chat.is_database(path)]
        self.rekeyed = chat.rekeyed(stores)
        return chat.lost(stores)

    def _store(self, path: bytes) -> chat.Store:
        positions = sorted({self._base(MONTH), self.day, self.at - 1})
        before = [found for position in positions if (found := self._file(position, path)) is not None]
        now = self._file(self.at, path)
        last = before[-1] if before else None
        return chat.Store(
            path,
            most=max((each.entry.size for each in before), default=0),
            now=None if now is None else now.entry.size,
            head=self._head(last),
            head_now=self._head(now),
            total=self._bytes_beside(self.day, path),
            total_now=self._bytes_beside(self.at, path),
        )

    def _file(self, position: int, path: bytes) -> Found | None:
        try:
            entry = self._view(position).lookup(path)
        except (NoSuchPath, Missing, Damaged):
            return None
        return Found(path, entry) if entry.kind == FILE else None

    def _head(self, found: Found | None) -> bytes:
        try:
            return self._view(self.at).read(found.entry, 0, chat.SALT_BYTES) if found else b""
        except (Missing, Damaged):
            return b""

    def _bytes_beside(self, position: int, path: bytes) -> int:
        """Of all databases in the folder of one."""
        view = self._view(position)
        try:
            entries = view.entries(folder_id(view.lookup(path.rpartition(b"/")[0])))
            return sum(each.size for each in entries if each.kind == FILE and chat.is_database(each.name))
        except (NoSuchPath, Missing, Damaged):
            return 0

    def _encrypted(self) -> Trip | None:
        for window, least in encryption.WINDOWS:
            found = encryption.rewritten_in(self.losses(self._base(window)))
            if len(found) >= least:
                trip = encryption.encrypted(self._judging.judged(found), len(found), least)
                if trip is not None:
                    return trip
        return None

    def _renamed(self) -> Trip | None:
        now, first = (self.line[position].body.started for position in (self.at, 0))
        if now - first < encryption.LEARNING:
            return None
        return encryption.renamed(encryption.pairs_in(self.losses(self.day)), self._knows_ending)

    def _knows_ending(self, ending: bytes) -> bool:
        """Walks through what there was until one is found; asked only where many came at once."""
        return any(ending_of(path) == ending for path in self._paths(self.day))

    def _paths(self, position: int) -> Iterator[bytes]:
        for found in self._view(position).walk():
            if not isinstance(found, Broken) and found.entry.kind == FILE:
                yield found.path

    def _shrunk(self) -> Trip | None:
        found, (had, _) = shrinking.candidates(self.losses(self.day).rewritten), self._had(self.day)
        if not shrinking.is_enough(len(found), had):
            return None
        return shrinking.shrunk(found, had, self._judging.same_kind(found))
